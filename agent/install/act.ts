/** Makes a plan's changes on the node. Each is whole or not there at all, and all can be taken back. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import type { Node, Owned } from './node.ts';
import type { Change } from './plan.ts';

/** @returns takes all of it back */
export function act(node: Node, changes: readonly Change[]): () => void {
  const done: (() => void)[] = [];
  const takeBack = () => {
    for (const undo of done.splice(0).reverse()) undo();
  };
  try {
    for (const change of changes) done.push(make(node, change));
  } catch (error) {
    takeBack();
    throw Fault.from(error, 'Internal', `${node.name}: nothing was changed, because one file could not be`);
  }
  return takeBack;
}

function make(node: Node, change: Change): () => void {
  const { path } = change;
  const follow = change.do === 'file' && change.follow;
  const here = node.at(path, follow);
  const before = node.entry(path, follow);
  const content = before.kind === 'file' ? node.read(path) : undefined;
  const back = () => {
    if (before.kind === 'file') writeBeside(here, content ?? Buffer.of(), before);
    else if (before.kind === 'link') linkBeside(here, before.target);
    else if (before.kind === 'absent') rmSync(here, { force: true });
  };
  switch (change.do) {
    case 'keep':
      return () => {};
    case 'directory':
      if (before.kind === 'directory') return () => {};
      mkdirSync(here, { mode: 0o755 });
      return () => void removeIfEmpty(here);
    case 'file':
      writeBeside(here, change.content, change.owned);
      return back;
    case 'link':
      linkBeside(here, change.target);
      return back;
    case 'remove':
      if (before.kind === 'directory') {
        return removeIfEmpty(here) ? () => mkdirSync(here, { mode: 0o755 }) : () => {};
      }
      rmSync(here, { force: true });
      return back;
    default:
      return change satisfies never;
  }
}

const besides = (path: string) => `${path}.podferry-new`;

/** Whoever has the old one open (a shell its script, say) goes on with that. */
export function writeBeside(
  path: string,
  content: Buffer,
  { mode = 0o644, uid = 0, gid = 0, mtimeMs }: Partial<Owned>,
): void {
  const beside = besides(path);
  rmSync(beside, { force: true });
  const file = openSync(beside, 'wx', 0o600);
  try {
    writeFileSync(file, content);
    chownSync(beside, uid, gid);
    chmodSync(beside, mode);
    if (mtimeMs !== undefined) utimesSync(beside, mtimeMs / 1_000, mtimeMs / 1_000);
    // A node that loses its power now must not find an empty configuration.
    fsyncSync(file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
  const directory = openSync(dirname(path), 'r');
  fsyncSync(directory);
  closeSync(directory);
}

function linkBeside(path: string, target: string): void {
  rmSync(besides(path), { force: true });
  symlinkSync(target, besides(path));
  renameSync(besides(path), path);
}

function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}
