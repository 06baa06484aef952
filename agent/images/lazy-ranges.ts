/** What a dump with --lazy-pages has left where it is: memory that the target asks for while the pod runs there. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readImage } from './change.ts';
import { pagemapImage } from './image.ts';

/** Of a process, in bytes, `to` exclusive. */
export interface LazyRange {
  /** As the container's processes call it. */
  pid: number;
  from: number;
  to: number;
}

const pageBytes = 4096;
/** PE_LAZY without PE_PRESENT: not in the pages image. */
const [lazy, present] = [2, 4];

/**
 * @param directory images of one container, complete
 * @throws Fault DumpFailed when they have a format that we do not know
 */
export function lazyRanges(directory: string): LazyRange[] {
  const ranges: LazyRange[] = [];
  for (const name of readdirSync(directory)) {
    const pid = Number(pagemapImage.name.exec(name)?.[1]);
    if (!Number.isSafeInteger(pid)) continue;
    const [, ...entries] = readImage(pagemapImage, join(directory, name)).entries;
    for (const { vaddr, flags, nrPages, compatNrPages } of entries) {
      if ((flags & (lazy | present)) !== lazy) continue;
      const pages = nrPages > 0n ? Number(nrPages) : compatNrPages;
      ranges.push({ pid, from: Number(vaddr), to: Number(vaddr) + pages * pageBytes });
    }
  }
  return ranges;
}

export function bytesOf(ranges: readonly LazyRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** As agent/target/lazy-pages.pl reads them. */
export function listOf(ranges: readonly LazyRange[]): Buffer {
  return Buffer.from(ranges.map(({ pid, from, to }) => `${pid} ${from} ${to}\n`).join(''));
}
