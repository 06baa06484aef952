/**
 * Memory leaves while CRIU still writes it down: its pages files only grow, and nothing in them has to be put right.
 * By the time that the dump is complete most of it has arrived.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Outbox } from '../transfer/transfer.ts';

/** With less it is not worth an entry of its own while more is coming. */
const pieceBytes = 256 << 10;
/** Between two looks, in milliseconds. (CRIU writes piece by piece: there would be an event for each of hundreds.) */
const restMs = 1;

const pagesName = /^pages-\d+\.img$/;

/**
 * @param directory of the container's images
 * @param dumped resolves when they are complete
 * @returns the names of those that are on their way as a whole
 */
export async function sendPages(
  outbox: Outbox,
  container: string,
  directory: string,
  dumped: Promise<void>,
): Promise<Set<string>> {
  const sent = new Map<string, number>();
  let complete = false;
  const end = dumped.then(() => {
    complete = true;
  });
  for (;;) {
    // Asked before the files are looked at: what a complete dump has is all of it.
    const last = complete;
    for (const name of readdirSync(directory).filter((each) => pagesName.test(each))) {
      const path = join(directory, name);
      const [from, to] = [sent.get(name) ?? 0, statSync(path).size];
      if (to - from < pieceBytes && !(last && to > from)) continue;
      const entry = { channel: `${container}/memory`, op: 'pages', path: name, size: to - from, meta: { at: from } };
      await outbox.put(entry, { path, range: { from, to } });
      sent.set(name, to);
    }
    if (last) return new Set(sent.keys());
    await Promise.race([end, delay(restMs)]);
  }
}
