/** Gives a sink what a segment holds, part by part, each believed only when it is what was written. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { describe } from '../entry.ts';
import { storageFault } from '../foreign-error.ts';
import type { Sink } from '../transfer.ts';
import { StoredBody } from './arriving.ts';
import type { Part } from './manifest.ts';
import { answered } from './share.ts';

/** No link is followed, and no pipe waited for: others can write to the directory. */
export const readingNoLinks = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @returns the bytes in bodies */
export async function takeSegment(
  path: string,
  parts: readonly Part[],
  sink: Pick<Sink, 'accept'>,
  signal: AbortSignal,
): Promise<number> {
  const file = await answered(open(path, readingNoLinks), `opening ${path}`).catch((error: unknown) => {
    throw storageFault(error, `cannot read ${path}`);
  });
  let bytes = 0;
  try {
    for (const part of parts) {
      signal.throwIfAborted();
      await give(file, path, part, sink, signal);
      bytes += part.length;
    }
  } finally {
    await file.close();
  }
  return bytes;
}

async function give(
  file: FileHandle,
  path: string,
  part: Part,
  sink: Pick<Sink, 'accept'>,
  signal: AbortSignal,
): Promise<void> {
  const body = new StoredBody(file, path, part, signal);
  try {
    await sink.accept(part.entry, body, signal);
  } catch (error) {
    throw storageFault(error, `the target could not take ${describe(part.entry)}`);
  }
  await body.finish();
}
