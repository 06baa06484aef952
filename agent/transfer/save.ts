import { closeSync, constants, openSync, writevSync } from 'node:fs';
import { storageFault } from './foreign-error.ts';
import type { Arriving } from './transfer.ts';

/**
 * Writes a body to a new or emptied file, without leaving the event loop: meant for tmpfs, while a pod stands still.
 * The parts are written as the socket brought them. Joining them first costs a third of the transfer, and the
 * threads of Node's pool another third, all of it memory that is touched for the first time.
 *
 * A tmpfs should be mounted with huge=within_size: writing and reading then take a fifth of the time.
 * @throws Fault StagingSpaceMissing, TransferFailed
 */
export async function save(body: Arriving, path: string, mode = 0o600): Promise<void> {
  const what = `cannot write ${path}`;
  let file: number;
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, mode);
  } catch (error) {
    throw storageFault(error, what);
  }
  try {
    for await (const parts of body.batches()) writeAll(file, parts, what);
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, parts: Buffer[], what: string): void {
  let rest = parts;
  while (rest.length > 0) {
    let wrote: number;
    try {
      wrote = writevSync(file, rest);
    } catch (error) {
      throw storageFault(error, what);
    }
    // A full file system takes a part of it first, and refuses the next write.
    rest = rest.flatMap((part) => {
      const skipped = Math.min(wrote, part.length);
      wrote -= skipped;
      return skipped === part.length ? [] : [part.subarray(skipped)];
    });
  }
}
