/**
 * GNU tar, for what Node has no calls for: device nodes, FIFOs, hard links, extended attributes, sparse files. It runs
 * confined to the tree. Both ends start it ahead: what is left for the freeze is a millisecond.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { filtered, type Member } from './archive.ts';
import { bytesOf } from './names.ts';
import type { Listing } from './scan.ts';

const confined = join(import.meta.dirname, 'confined.sh');

/** A tar that has started and waits for names. */
export interface Packer {
  /** The archive of these paths as they are listed, directories without their content. */
  pack(paths: readonly string[], listing: Listing): AsyncIterable<Buffer>;
  /** Those of the paths that were not packed, because they were gone or something else. Known at the end. */
  missing(paths: readonly string[]): string[];
  cancel(): void;
}

/** A tar that waits for an archive. */
export interface Unpacker {
  unpack(archive: AsyncIterable<Buffer>): Promise<void>;
  cancel(): void;
}

export async function startPacker(root: string): Promise<Packer> {
  const tar = await startTar(root, [
    ...['--create', '--file=-', '--format=posix', '--atime-preserve=system', '--sparse', '--numeric-owner'],
    // What changes or vanishes while the pod runs is for the next round.
    ...['--ignore-failed-read', '--warning=none'],
    ...['--no-recursion', '--null', '--verbatim-files-from', '--files-from=-'],
  ]);
  const packed = new Set<string>();
  return {
    async *pack(paths, listing) {
      const accepts = ({ path, kind, target }: Member) => {
        const fits =
          listing.get(path)?.kind === (kind === 'link' && packed.has(target) ? listing.get(target)?.kind : kind);
        if (fits) packed.add(path);
        return fits;
      };
      tar.stdin.end(Buffer.concat(paths.flatMap((path) => [bytesOf(path), Buffer.of(0)])));
      let bytes = 0;
      for await (const part of filtered(tar.stdout, accepts)) {
        bytes += part.length;
        yield part;
      }
      const code = await tar.ended;
      // 1 of tar's is for what has changed meanwhile; others on the way to tar say it too, but there is no archive then.
      if (code !== 0 && (code !== 1 || bytes === 0))
        throw new Fault('CopyFailed', `tar could not pack ${root}: ${tar.says(code)}`);
    },
    missing: (paths) => paths.filter((path) => !packed.has(path)),
    cancel: tar.cancel,
  };
}

export async function startUnpacker(root: string): Promise<Unpacker> {
  const tar = await startTar(root, [
    ...['--extract', '--file=-', '--numeric-owner', '--same-permissions', '--same-owner', '--overwrite-dir'],
    '--warning=none',
  ]);
  return {
    async unpack(archive) {
      try {
        for await (const part of archive) {
          // A tar that has failed reads no more; why is told below.
          if (tar.stdin.destroyed) break;
          if (!tar.stdin.write(part)) await Promise.race([once(tar.stdin, 'drain').catch(() => {}), tar.ended]);
        }
      } catch (error) {
        // The transfer has broken off: half an archive is no archive.
        tar.cancel();
        throw error;
      }
      tar.stdin.end();
      const code = await tar.ended;
      if (code !== 0) throw new Fault('CopyFailed', `tar could not unpack into ${root}: ${tar.says(code)}`);
    },
    cancel: tar.cancel,
  };
}

async function startTar(root: string, options: readonly string[]) {
  const xattrs = ['--acls', '--xattrs', '--xattrs-include=*', '--xattrs-exclude=trusted.overlay.*'];
  const argv = ['--mount', '--propagation', 'slave', confined, root, '/bin/tar', ...options, ...xattrs];
  const child: ChildProcess = spawn('unshare', argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Fault('CopyFailed', 'tar has no pipes');
  const heard: Buffer[] = [];
  stderr.on('data', (part: Buffer) => heard.push(part));
  stdin.on('error', () => {});
  const ended = once(child, 'close').then(([code]) => code as number | null);
  ended.catch(() => {});
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new Fault('CopyFailed', `cannot start tar for ${root}: ${(error as Error).message}`, { cause: error });
  }
  return {
    stdin,
    stdout: stdout as AsyncIterable<Buffer>,
    ended,
    says: (code: number | null) => {
      const lines = Buffer.concat(heard).toString().trim().split('\n').slice(-4).join(' | ');
      return lines || `it ended with ${code ?? 'a signal'}`;
    },
    cancel: () => void child.kill('SIGKILL'),
  };
}
