/** Large files: only what has changed goes over, and what has changed without a trace goes too. */
import { closeSync, openSync, renameSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { mappedForWriting } from '../../../agent/tree/mapped.ts';
import { look, Mapping, setXattr } from './look.ts';
import { TwoTrees } from './two-trees.ts';

const MiB = 1 << 20;
let trees: TwoTrees;
const at = (...path: string[]) => join(trees.source, ...path);
const there = (...path: string[]) => join(trees.target, ...path);

afterEach(async () => {
  await trees.close();
});

/** Bytes that a round sends; afterwards both sides are the same. */
async function costs(): Promise<number> {
  await sleep(30);
  const before = trees.bytes;
  await trees.round();
  expect(look(trees.target)).toEqual(look(trees.source));
  return trees.bytes - before;
}

function writeAt(path: string, offset: number, text: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, text, offset);
  closeSync(file);
}

async function largeFile(): Promise<void> {
  trees = await TwoTrees.overlays();
  writeFileSync(at('large'), Buffer.alloc(8 * MiB, 'content'));
  expect(await costs()).toBeGreaterThan(8 * MiB);
}

it('sends the end of a file that was appended to, the first time already', async () => {
  await largeFile();
  writeFileSync(at('large'), 'a line\n', { flag: 'a' });
  expect(await costs()).toBeLessThan(MiB);
  writeFileSync(at('large'), Buffer.alloc(MiB, 'more'), { flag: 'a' });
  expect(await costs()).toBeLessThan(2 * MiB);
});

it('sends what was written in the middle, and what was cut off is gone', async () => {
  await largeFile();
  writeAt(at('large'), 5 * MiB, 'in the middle');
  expect(await costs()).toBeLessThan(MiB);
  truncateSync(at('large'), 3 * MiB + 17);
  expect(await costs()).toBeLessThan(MiB);
  truncateSync(at('large'), 10);
  expect(await costs()).toBeLessThan(MiB);
  writeFileSync(at('large'), Buffer.alloc(2 * MiB, 'large again'));
  await costs();
});

it('sends the whole of a file that took the place of another, with its attributes', async () => {
  await largeFile();
  for (const way of ['rename', 'removal']) {
    writeFileSync(at('new'), Buffer.alloc(2 * MiB, way));
    setXattr(at('new'), 'user.way', way);
    if (way === 'removal') rmSync(at('large'));
    renameSync(at('new'), at('large'));
    await costs();
  }
});

it('finds changes in a file that the image brought', async () => {
  trees = await TwoTrees.overlays((root) => writeFileSync(join(root, 'brought'), Buffer.alloc(2 * MiB, 'image')));
  await costs();
  writeAt(at('brought'), 0, 'ours');
  await costs();
  writeAt(at('brought'), MiB, 'ours');
  expect(await costs()).toBeLessThan(MiB);
});

it('keeps holes, and makes zeros of what was overwritten by zeros', async () => {
  trees = await TwoTrees.overlays();
  writeFileSync(at('sparse'), 'begin');
  truncateSync(at('sparse'), 64 * MiB);
  await costs();
  writeAt(at('sparse'), 40 * MiB, 'middle');
  expect(await costs()).toBeLessThan(MiB);
  expect(statSync(there('sparse')).blocks * 512).toBeLessThan(MiB);
  writeAt(at('sparse'), 40 * MiB, '\0'.repeat(6));
  await costs();
});

it('sees what processes write through memory, which leaves no trace in timestamps', async () => {
  let mapping: Mapping | undefined;
  trees = await TwoTrees.overlays(() => {}, {
    mapped: () => [...mappedForWriting([mapping?.pid ?? 0])].map((path) => path.slice(trees.source.length)),
  });
  for (const [name, size] of [['small', 4096] as const, ['large', MiB] as const]) {
    writeFileSync(at(name), Buffer.alloc(size, '-'));
    mapping = await Mapping.of(at(name));
    try {
      await mapping.write('dirty');
      await costs();
      await mapping.write('again');
      await costs();
      await mapping.write('ended');
    } finally {
      mapping.close();
    }
    await costs();
  }
});

it('sees it in memory file systems too, where nothing at all leaves a trace', async () => {
  trees = await TwoTrees.inMemory();
  writeFileSync(at('shared'), Buffer.alloc(4096));
  const mapping = await Mapping.of(at('shared'));
  try {
    await costs();
    for (const text of ['one', 'two', 'one']) {
      await mapping.write(text);
      await costs();
    }
    expect(await trees.round()).toBe(0);
  } finally {
    mapping.close();
  }
});
