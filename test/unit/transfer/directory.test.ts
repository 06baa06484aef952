/** What is written into the directory that nodes share, and read there by whoever starts from it. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Checkpoints } from '../../../agent/transfer/directory/checkpoints.ts';
import { DirectoryTransport } from '../../../agent/transfer/directory/directory.ts';
import type { Entry, Outbox } from '../../../agent/transfer/transfer.ts';
import { Fault } from '../../../proto/fault.ts';
import { noise, Remembering, silent, soon } from './world.ts';

const id = 'ckp-0123456789ab';
const manifest = { pod: { namespace: 'default', name: 'redis', uid: 'u' }, handler: 'podferry', memory_bytes: '1' };
const entries: { entry: Entry; body: Buffer }[] = [
  { entry: { channel: 'redis/rootfs', op: 'tar' }, body: noise(300_000, 3) },
  { entry: { channel: 'redis/images', op: 'image', path: 'pages-1.img' }, body: noise(2_500_001, 7) },
  { entry: { channel: 'redis/rootfs', op: 'finish', path: 'a/b', meta: { size: 1 } }, body: Buffer.alloc(0) },
];

let shared: string;
let checkpoints: Checkpoints;
let transport: DirectoryTransport;
const opened: Outbox[] = [];

beforeEach(async () => {
  shared = await mkdtemp(join(tmpdir(), 'podferry-directory-'));
  checkpoints = new Checkpoints(shared, 'node-a', silent);
  transport = new DirectoryTransport(checkpoints);
});
afterEach(async () => {
  for (const outbox of opened.splice(0)) await outbox.abort(new Fault('Cancelled', 'the test is over'));
  await rm(shared, { recursive: true });
});

const files = async () => await readdir(join(shared, 'checkpoints')).catch(() => []);
const place = (...names: string[]) => join(shared, 'checkpoints', id, ...names);

async function open(): Promise<Outbox> {
  const nobody = { address: '', peer: '', token: '' };
  const outbox = await transport.open({ migration: id, manifest, ...nobody }, soon());
  opened.push(outbox);
  return outbox;
}

async function fill(outbox: Outbox): Promise<void> {
  for (const [at, { entry, body }] of entries.entries()) {
    await outbox.put(entry, body);
    if (at === 0) await outbox.barrier('round-1', soon());
  }
}

async function take(): Promise<string> {
  const outbox = await open();
  await fill(outbox);
  const { digest } = await outbox.seal(soon());
  return digest;
}

/** As another node would. */
async function replay(digest: string, sink = new Remembering()) {
  const stored = await new Checkpoints(shared, 'node-b', silent).open({ id, digest });
  return { receipt: await stored.replay(sink, soon()), pod: await stored.manifest(soon()), sink };
}

const refusal = async (digest: string) =>
  await replay(digest).then(
    () => 'none',
    (error: unknown) => (error instanceof Fault ? error.reason : String(error)),
  );

describe('a checkpoint', () => {
  it('gives back what was put, in order, to whoever reads it, and again', async () => {
    const digest = await take();
    for (let time = 0; time < 2; time += 1) {
      const { sink, receipt, pod } = await replay(digest);
      expect(sink.taken.map(({ entry }) => entry)).toMatchObject(entries.map(({ entry }) => entry));
      for (const [at, { body }] of entries.entries()) expect(sink.taken[at]?.content.equals(body)).toBe(true);
      expect(sink.settled).toBe(1);
      expect(receipt.digest).toBe(digest);
      expect(receipt.bytes).toBeGreaterThan(entries.reduce((sum, { body }) => sum + body.length, 0));
      expect(pod).toMatchObject(manifest);
    }
  });

  it('is not there before it is sealed, and is its own afterwards', async () => {
    const outbox = await open();
    await fill(outbox);
    await outbox.barrier('round-2', soon());
    expect(await files()).toEqual([`${id}.partial`]);
    await expect(checkpoints.open({ id, digest: '' })).rejects.toMatchObject({ reason: 'CheckpointNotFound' });
    await outbox.seal(soon());
    expect(await files()).toEqual([id]);
    await outbox.abort(new Fault('Cancelled', 'the source thaws'));
    expect(await files()).toEqual([id]);
    expect(await checkpoints.sweep(new Set())).toEqual([]);
  });

  it('leaves nothing when it is given up, at any time', async () => {
    const outbox = await open();
    await fill(outbox);
    await outbox.abort(new Fault('Cancelled', 'no'));
    expect(outbox.lost.aborted).toBe(true);
    expect(await files()).toEqual([]);
    await expect(outbox.seal(soon())).rejects.toMatchObject({ reason: 'Cancelled' });
    expect(await files()).toEqual([]);
  });

  it('that an agent left half made goes with its next start, unless it is another node’s', async () => {
    await (await open()).put({ channel: 'redis/rootfs', op: 'tar' }, noise(10));
    const other = new Checkpoints(shared, 'node-b', silent);
    expect(await other.sweep(new Set())).toEqual([]);
    expect(await checkpoints.sweep(new Set([id]))).toEqual([]);
    expect(await checkpoints.sweep(new Set())).toEqual([`${id}.partial`]);
    expect(await files()).toEqual([]);
  });

  it('is erased whole, half made or not there', async () => {
    await checkpoints.erase(id);
    await take();
    await checkpoints.erase(id);
    expect(await files()).toEqual([]);
    await open();
    await new Checkpoints(shared, 'node-b', silent).erase(id);
    expect(await files()).toEqual([]);
  });

  it('cannot be made where there is one', async () => {
    await take();
    const outbox = await open();
    await expect(outbox.seal(soon())).rejects.toMatchObject({ reason: 'TransferFailed' });
    await outbox.abort(new Fault('Cancelled', 'no'));
    expect(await files()).toEqual([id]);
  });

  it('says where it cannot be made', async () => {
    await rm(shared, { recursive: true });
    await expect(open()).rejects.toMatchObject({ reason: 'TransportUnavailable' });
    await mkdir(shared);
  });
});

describe('of what somebody has written there nothing is believed', () => {
  const spoil: [string, () => Promise<unknown>][] = [
    ['a segment that ends too soon', async () => await truncate(place('segment-1'), 1_000_000)],
    ['a byte that is another', async () => await flip(place('segment-1'), 1_234_567)],
    ['a segment that is gone', async () => await rm(place('segment-1'))],
    ['a segment that is a link', async () => await replaceByLink(place('segment-1'))],
    ['a segment that is a directory', async () => await replaceByDirectory(place('segment-1'))],
    ['another list of parts', async () => await flip(place('segment-0.json'), 20)],
    ['a list of parts that is a link', async () => await replaceByLink(place('segment-0.json'))],
    ['no contents', async () => await rm(place('checkpoint.json'))],
    ['contents that are none', async () => await writeFile(place('checkpoint.json'), '[]')],
    ['contents without any', async () => await writeFile(place('checkpoint.json'), '{"form":1,"segments":[]}')],
    ['contents of strange things', async () => await writeFile(place('checkpoint.json'), '{"form":1,"segments":[{}]}')],
    ['endless contents', async () => await truncate(place('checkpoint.json'), 1 << 30)],
    ['a file in its place', async () => await replaceByFile(place())],
    ['a link in its place', async () => await replaceByLink(place())],
  ];
  it.each(spoil)('%s', async (_what, act) => {
    const digest = await take();
    await act();
    expect(await refusal(digest)).toBe('VerifyFailed');
  });

  it('another checkpoint, whole, in its place', async () => {
    const digest = await take();
    await rename(place(), place('../ckp-first'));
    const other = await open();
    await other.put({ channel: 'redis/rootfs', op: 'tar' }, noise(10, 99));
    await other.seal(soon());
    expect(await refusal(digest)).toBe('VerifyFailed');
  });

  it('a link in the place of all of them leads nowhere', async () => {
    const digest = await take();
    const elsewhere = await mkdtemp(join(tmpdir(), 'podferry-elsewhere-'));
    await rename(place('..'), join(elsewhere, 'checkpoints'));
    await symlink(join(elsewhere, 'checkpoints'), place('..'));
    expect(await refusal(digest)).toBe('VerifyFailed');
    await expect(checkpoints.erase(id)).rejects.toMatchObject({ reason: 'VerifyFailed' });
    await expect(open()).rejects.toMatchObject({ reason: 'VerifyFailed' });
    expect(await readdir(join(elsewhere, 'checkpoints'))).toEqual([id]);
    await rm(elsewhere, { recursive: true });
  });

  it.each(['..', '../x', 'a/b', '', '.hidden', 'A'])('a name like %j', async (name) => {
    await expect(checkpoints.open({ id: name, digest: '' })).rejects.toMatchObject({ reason: 'InvalidArgument' });
    await expect(checkpoints.erase(name)).rejects.toMatchObject({ reason: 'InvalidArgument' });
    await expect(checkpoints.make(name)).rejects.toMatchObject({ reason: 'InvalidArgument' });
  });

  it('and what a sink cannot take keeps its own reason', async () => {
    const digest = await take();
    const sink = new Remembering();
    sink.first = () => Promise.reject(new Fault('StagingSpaceMissing', 'full'));
    await expect(replay(digest, sink)).rejects.toMatchObject({ reason: 'StagingSpaceMissing' });
  });
});

async function flip(path: string, at: number): Promise<void> {
  const content = await readFile(path);
  content.writeUInt8(content.readUInt8(at) ^ 1, at);
  await writeFile(path, content);
}

async function replaceByLink(path: string): Promise<void> {
  await rename(path, `${path}-away`);
  await symlink(`${path}-away`, path);
}

async function replaceByDirectory(path: string): Promise<void> {
  await rm(path);
  await mkdir(path);
}

async function replaceByFile(path: string): Promise<void> {
  await rm(path, { recursive: true });
  await writeFile(path, '');
}
