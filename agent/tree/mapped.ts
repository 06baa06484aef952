/**
 * Which files processes may change without a trace: a write through a shared mapping moves a file's timestamps only
 * when it makes a clean page dirty, and a page stays dirty for half a minute.
 */
import { readFileSync } from 'node:fs';
import { nameOf } from './names.ts';

/** Absolute paths as the processes' mount namespace has them. A process that has ended has none. */
export function mappedForWriting(pids: Iterable<number>): Set<string> {
  const paths = new Set<string>();
  for (const pid of pids) {
    for (const line of linesOf(`/proc/${pid}/maps`)) {
      // ADDRESS PERMISSIONS OFFSET DEVICE INODE PATH
      const path = /^\S+ .w.s \S+ \S+ \d+ +(\/.*)$/.exec(line)?.[1];
      if (path !== undefined) paths.add(nameOf(Buffer.from(path.replaceAll('\\012', '\n'), 'latin1')));
    }
  }
  return paths;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').split('\n');
  } catch {
    return [];
  }
}
