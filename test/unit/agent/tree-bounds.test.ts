/**
 * What a container does to its own tree, and what a peer says, reaches nothing beyond that tree, on neither node: both
 * agents are root, and a symbolic link may lead anywhere.
 */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Entry } from '../../../agent/transfer/transfer.ts';
import { Fault } from '../../../proto/fault.ts';
import { AppliedTree } from '../../../agent/tree/apply.ts';
import { SentChunks } from '../../../agent/tree/chunks.ts';
import { startPacker } from '../../../agent/tree/pack.ts';
import { scan } from '../../../agent/tree/scan.ts';
import { TwoTrees } from './two-trees.ts';

let directory: string;
let outside: string;
let inside: string;
let applied: AppliedTree;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podferry-bounds-'));
  [outside, inside] = [join(directory, 'node'), join(directory, 'container')];
  for (const each of [outside, inside]) mkdirSync(each);
  writeFileSync(join(outside, 'file'), 'of the node');
  writeFileSync(join(outside, 'large'), Buffer.alloc(300_000, 'of the node'));
  for (const [name, to] of [
    ['absolute', outside],
    ['relative', '../node'],
    ['file-absolute', join(outside, 'file')],
    ['file-relative', '../node/file'],
  ] as const)
    symlinkSync(to, join(inside, name));
  applied = new AppliedTree(inside);
});

afterEach(async () => {
  await applied.close();
  rmSync(directory, { recursive: true });
});

async function* stream(...parts: (Buffer | string)[]): AsyncGenerator<Buffer> {
  yield* parts.map((part) => Buffer.from(part));
}

const accept = (entry: Omit<Entry, 'channel'>, ...body: (Buffer | string)[]) =>
  applied.accept({ channel: 'app/rootfs', ...entry }, stream(...body));

function untouched(): void {
  expect(readdirSync(outside).sort()).toEqual(['file', 'large']);
  expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('of the node');
  expect(statSync(join(outside, 'file'))).toMatchObject({ uid: 0, mode: 0o100644 });
}

/** An archive with one file of that name, as no honest tar makes it. */
function archive(name: string): Buffer {
  const from = mkdtempSync(join(directory, 'archive-'));
  writeFileSync(join(from, 'x'), 'written');
  return execFileSync('tar', [
    '--create',
    '--file=-',
    '-C',
    from,
    '--absolute-names',
    `--transform=s|^x$|${name}|`,
    'x',
  ]);
}

it.each(['absolute/new', 'relative/new', 'absolute/file', 'relative/file', '../node/new', '/absolute/new'])(
  'writes nothing outside when an archive has %s',
  async (name) => {
    await accept({ op: 'tar' }, archive(name)).catch(() => {});
    untouched();
  },
);

it('puts a file where a link was, and does not follow it', async () => {
  await accept({ op: 'tar' }, archive('file-absolute'));
  expect(readFileSync(join(inside, 'file-absolute'), 'utf8')).toBe('written');
  untouched();
});

it.each(['absolute/file', 'relative/file', '../node/file', '.', '', '/', `${'x/'.repeat(3)}../../../../node/file`])(
  'removes nothing outside when told to remove %j',
  async (path) => {
    await expect(accept({ op: 'remove' }, JSON.stringify([path]))).rejects.toMatchObject({
      reason: expect.stringMatching(/^(CopyFailed|InvalidArgument)$/),
    });
    untouched();
    expect(readdirSync(inside)).toHaveLength(4);
  },
);

it.each(['absolute/file', 'relative/file', 'file-absolute', 'file-relative', '../node/file', 'fifo', 'device'])(
  'patches nothing but files of the tree: %s',
  async (path) => {
    execFileSync('mkfifo', [join(inside, 'fifo')]);
    execFileSync('mknod', [join(inside, 'device'), 'c', '1', '5']);
    const meta = { offset: 0, length: 3, size: 1, mode: 0o4777, uid: 7, gid: 7, mtimeNs: '0' };
    for (const op of ['chunk', 'zeros', 'finish']) {
      await expect(accept({ op, path, meta }, 'x')).rejects.toMatchObject({ name: 'Fault' });
    }
    untouched();
  },
);

it('removes a link itself, and what it finds no way to is gone already', async () => {
  writeFileSync(join(inside, 'plain'), '');
  await accept({ op: 'remove' }, JSON.stringify(['absolute', 'file-relative', 'no/such/file', 'plain/below']));
  expect(readdirSync(inside).sort()).toEqual(['file-absolute', 'plain', 'relative']);
  untouched();
});

it('reads nothing outside when a directory becomes a link between listing and packing', async () => {
  mkdirSync(join(inside, 'directory'));
  writeFileSync(join(inside, 'directory/file'), 'of the container');
  for (const to of [outside, '../node']) {
    const packer = await startPacker(inside);
    renameSync(join(inside, 'directory'), join(inside, 'aside'));
    symlinkSync(to, join(inside, 'directory'));
    const paths = ['directory/file'];
    const listing = await scan(inside);
    const parts: Buffer[] = [];
    for await (const part of packer.pack(paths, listing)) parts.push(part);
    expect(Buffer.concat(parts).includes('of the node')).toBe(false);
    expect(packer.missing(paths)).toEqual(paths);
    rmSync(join(inside, 'directory'));
    renameSync(join(inside, 'aside'), join(inside, 'directory'));
  }
});

it('reads no large file through such a link either', async () => {
  const trees = await TwoTrees.overlays();
  try {
    mkdirSync(join(trees.source, 'directory'));
    writeFileSync(join(trees.source, 'directory/large'), Buffer.alloc(300_000));
    await trees.round();
    const root = trees.carried.source.root;
    const entry = (await scan(root)).get('directory/large');
    if (entry === undefined) throw new Error('nothing was listed');
    rmSync(join(trees.source, 'directory'), { recursive: true });
    symlinkSync(outside, join(trees.source, 'directory'));
    const chunks = new SentChunks(root, 'app/rootfs');
    const sent = trees.bytes;
    expect(await chunks.send('directory/large', entry, entry, trees.outbox, AbortSignal.timeout(5_000))).toBe('gone');
    expect(trees.bytes).toBe(sent);
  } finally {
    await trees.close();
  }
});

it('leaves no process when the transfer breaks off', async () => {
  const trees = await TwoTrees.overlays();
  await trees.round();
  await trees.carried.getReady();
  writeFileSync(join(trees.source, 'large'), Buffer.alloc(64 << 20, 'x'));
  const round = trees.round();
  const broken = expect(round).rejects.toMatchObject({ reason: 'Cancelled' });
  await expect.poll(() => trees.bytes, { interval: 1 }).toBeGreaterThan(1 << 20);
  await trees.outbox.abort(new Fault('Cancelled', 'the link was cut'));
  await broken;
  await expect(trees.round()).rejects.toMatchObject({ reason: 'Cancelled' });
  await trees.close();
  // this file's own, which waits below
  await expect.poll(() => children().length).toBe(1);
});

function children(): string[] {
  return readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
}
