/** What of a dump's memory was left where it is, by CRIU's own images. */
import { create } from '@bufbuild/protobuf';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { encodeImage, pagemapImage } from '../../../agent/images/image.ts';
import { bytesOf, lazyRanges, listOf } from '../../../agent/images/lazy-ranges.ts';
import { pagemap_entrySchema } from '../../../proto/gen/criu/pagemap_pb.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podferry-ranges-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const [parent, lazy, present] = [1, 2, 4];

/** With CRIU's head, whose only field is the number of the pages image. */
function write(
  pid: number | string,
  ...entries: { vaddr: bigint; pages: number; flags: number; wide?: boolean }[]
): void {
  const made = entries.map(({ vaddr, pages, flags, wide }) =>
    create(
      pagemap_entrySchema,
      wide ? { vaddr, flags, nrPages: BigInt(pages) } : { vaddr, flags, compatNrPages: pages },
    ),
  );
  const image = { entries: [create(pagemap_entrySchema, { vaddr: 1n }), ...made], rest: new Uint8Array() };
  writeFileSync(join(directory, `pagemap-${pid}.img`), encodeImage(pagemapImage, image));
}

it('is what is lazy and not in the pages image too, of each process', () => {
  write(
    1,
    { vaddr: 0x1000n, pages: 2, flags: present },
    { vaddr: 0x4000n, pages: 3, flags: lazy },
    { vaddr: 0x9000n, pages: 1, flags: lazy | present },
    { vaddr: 0x7fff_0000_0000n, pages: 0x200, flags: lazy, wide: true },
    { vaddr: 0x8000_0000_0000n, pages: 1, flags: parent },
  );
  write(27, { vaddr: 0x5000n, pages: 1, flags: lazy });
  write('shmem-4', { vaddr: 0x5000n, pages: 1, flags: lazy });
  const ranges = lazyRanges(directory);
  expect(ranges).toEqual([
    { pid: 1, from: 0x4000, to: 0x7000 },
    { pid: 1, from: 0x7fff_0000_0000, to: 0x7fff_0020_0000 },
    { pid: 27, from: 0x5000, to: 0x6000 },
  ]);
  expect(bytesOf(ranges)).toBe(0x204 * 4096);
  expect(listOf(ranges).toString().split('\n')[0]).toBe('1 16384 28672');
});

it('is refused where it cannot be read', () => {
  writeFileSync(join(directory, 'pagemap-1.img'), 'something else');
  expect(() => lazyRanges(directory)).toThrow(expect.objectContaining({ reason: 'DumpFailed' }));
});
