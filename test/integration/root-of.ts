/** A container's file system as it sees it, file by file, to lay what was beside what is. */
import { hash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Lab } from '../lab/index.ts';
import type { Placed } from './migrate.ts';

/** By path, with bytes that are no UTF-8 as Latin-1. */
export type Files = Record<string, string>;

/**
 * Everything below some directories of a container's root, and what is mounted there too, except for what the kernel
 * or the node provides.
 */
export function filesOf(lab: Lab, { node, pid }: Placed, ...tops: string[]): Files {
  const root = Buffer.from(`${lab.node(node).root}/proc/${pid}/root`);
  const files: Files = {};
  const inodes = new Map<string, string>();
  const walk = (directory: Buffer) => {
    for (const name of readdirSync(Buffer.concat([root, directory]), { encoding: 'buffer' })) {
      const path = Buffer.concat([directory, Buffer.from('/'), name]);
      const shown = path.toString('latin1');
      if (provided.test(shown)) continue;
      const there = Buffer.concat([root, path]);
      const stats = lstatSync(there, { bigint: true });
      const inode = `${stats.dev} ${stats.ino}`;
      const first = stats.isFile() ? (inodes.get(inode) ?? shown) : shown;
      inodes.set(inode, first);
      files[shown] = first === shown ? describe(there, stats) : `the same as ${first}`;
      if (stats.isDirectory()) walk(path);
    }
  };
  for (const top of tops) walk(Buffer.from(top === '/' ? '' : top));
  return files;
}

const provided = /^\/(proc|sys|dev\/(pts|mqueue)|etc\/(hosts|hostname|resolv\.conf))$/;

function describe(path: Buffer, stats: BigIntStats): string {
  const { mode, uid, gid, size, nlink, mtimeNs, rdev } = stats;
  const owner = `${(mode & 0o177777n).toString(8)} ${uid}:${gid}`;
  // A directory's time moves with whatever is made in it, which is also how its copy came to be.
  if (stats.isDirectory()) return owner;
  if (stats.isSymbolicLink()) return `${owner} → ${readlinkSync(path, 'latin1')}`;
  // Node sets a file's time in a fraction of seconds, which has no room for nanoseconds.
  const rest = `${nlink} links, ${mtimeNs / 1_000_000n}`;
  if (!stats.isFile()) return `${owner} ${rdev} ${rest}`;
  return `${owner} ${size} bytes ${hash('sha256', readFileSync(path), 'hex').slice(0, 16)} ${rest}`;
}
