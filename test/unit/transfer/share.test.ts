/** What only a shared directory can do to a transfer. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { NfsTransport } from '../../../agent/transfer/nfs/nfs.ts';
import { Share } from '../../../agent/transfer/nfs/share.ts';
import { StreamTransport } from '../../../agent/transfer/stream/stream.ts';
import type { Sink } from '../../../agent/transfer/transfer.ts';
import {
  grant,
  makeCertificatesOnce,
  makeWorld,
  noise,
  Remembering,
  silent,
  soon,
  stallMs,
  type World,
} from './world.ts';

const channel = 'redis/images';
let certificates: string;
let world: World;
let directory: string;

beforeAll(async () => {
  certificates = await makeCertificatesOnce();
});
afterAll(async () => {
  await rm(certificates, { recursive: true });
});
beforeEach(async () => {
  world = await makeWorld('nfs', certificates);
  directory = await mkdtemp(join(tmpdir(), 'podferry-share-'));
});
afterEach(async () => {
  await world.end();
  await rm(directory, { recursive: true, force: true });
});

/** Node a's and node b's idea of the shared directory. */
function transports(atSource: string, atTarget: string): { source: NfsTransport; target: NfsTransport } {
  return {
    source: new NfsTransport(new Share(atSource, 'node-a', silent), stream('node-a')),
    target: new NfsTransport(new Share(atTarget, 'node-b', silent), stream('node-b')),
  };
}

function stream(who: 'node-a' | 'node-b'): StreamTransport {
  return new StreamTransport(world.listener, world.tls(`${who}.agent.podferry`), { stallMs });
}

async function openBoth(atSource: string, atTarget: string, sink: Sink = new Remembering()) {
  const { source, target } = transports(atSource, atTarget);
  const inbox = target.expect(grant, sink);
  return { inbox, outbox: await source.open(world.to(inbox.token), soon()) };
}

it('is found out before the freeze when it is not there', async () => {
  await expect(openBoth(join(directory, 'missing'), directory)).rejects.toMatchObject({
    reason: 'TransportUnavailable',
    message: expect.stringContaining('missing'),
  });
  expect(await readdir(directory)).toEqual([]);
});

it('is found out before the freeze when the other side has another one', async () => {
  const [one, other] = [join(directory, 'one'), join(directory, 'other')];
  await Promise.all([mkdir(one), mkdir(other)]);
  await expect(openBoth(one, other)).rejects.toMatchObject({
    reason: 'TransportUnavailable',
    message: expect.stringContaining('same file system'),
  });
  await expect.poll(async () => [await readdir(one), await readdir(other)]).toEqual([[], []]);
});

it.runIf(process.getuid?.() === 0)('says that there is no space left, and leaves none taken', async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory]);
  try {
    const { inbox, outbox } = await openBoth(directory, directory);
    const put = outbox.put({ channel, op: 'file', path: 'pages' }, noise(4 << 20));
    await expect(put).rejects.toMatchObject({
      reason: 'StagingSpaceMissing',
      message: expect.stringContaining(directory),
    });
    await expect(inbox.done).rejects.toMatchObject({ reason: 'StagingSpaceMissing' });
    await expect.poll(() => readdir(directory)).toEqual([]);
  } finally {
    execFileSync('umount', [directory]);
  }
});

it.each<[string, (path: string) => Promise<void>]>([
  ['cut short', (path) => truncate(path, 2_500_000)],
  ['gone', (path) => rm(path)],
  ['another file', (path) => writeFile(path, noise(3_000_000, 5))],
])('gives no receipt for a segment that is %s', async (_, spoil) => {
  const sink = new Remembering();
  const { inbox, outbox } = await openBoth(directory, directory, sink);
  sink.first = async ({ path }) => {
    if (path !== 'first') return;
    const segments = await readdir(directory, { recursive: true });
    for (const name of segments)
      if (name.endsWith('segment-1') || name.endsWith('segment-2')) await spoil(join(directory, name));
  };
  await outbox.put({ channel, op: 'file', path: 'first' }, noise(64 << 20));
  await outbox.put({ channel, op: 'file', path: 'second' }, noise(3_000_000, 4));
  await expect(outbox.seal(soon())).rejects.toMatchObject({
    reason: expect.stringMatching(/VerifyFailed|TransferFailed/),
  });
  await expect(inbox.done).rejects.toMatchObject({ reason: expect.stringMatching(/VerifyFailed|TransferFailed/) });
  expect(sink.taken.map(({ entry }) => entry.path)).not.toContain('second');
  await expect.poll(() => readdir(directory)).toEqual([]);
});

it('holds no more than what the target has not taken yet', async () => {
  const { inbox, outbox } = await openBoth(directory, directory);
  for (let round = 1; round <= 3; round += 1) {
    await outbox.put({ channel, op: 'file', path: `${round}` }, noise(1_000_000));
    await outbox.barrier(`round-${round}`, soon());
    const left = (await readdir(directory, { recursive: true })).filter((name) => /segment-[0-9]+$/.test(name));
    expect(left).toEqual([]);
  }
  expect(await outbox.seal(soon())).toEqual(await inbox.done);
});

it('is swept of what this node left, and of what nobody can still use', async () => {
  const share = new Share(directory, 'node-a', silent);
  const other = new Share(directory, 'node-b', silent);
  for (const migration of ['dead', 'alive']) await share.make(migration);
  for (const migration of ['theirs', 'abandoned']) await other.make(migration);
  const long = new Date(Date.now() - 48 * 3_600_000);
  await utimes(join(directory, 'abandoned/owner'), long, long);
  await mkdir(join(directory, 'photos'));
  await writeFile(join(directory, 'photos/owner.jpg'), '');
  await writeFile(join(directory, 'README'), '');
  expect((await share.sweep(new Set(['alive']))).toSorted()).toEqual(['abandoned', 'dead']);
  expect((await readdir(directory)).toSorted()).toEqual(['README', 'alive', 'photos', 'theirs']);
  await expect(new Share(join(directory, 'missing'), 'node-a', silent).sweep(new Set())).rejects.toMatchObject({
    reason: 'TransportUnavailable',
  });
});

it.each(['..', '../x', '', 'a'.repeat(16), 'ABCDEF0123456789', undefined])(
  'makes no path of what the source calls %j',
  (name) => {
    const share = new Share(directory, 'node-b', silent);
    if (name === 'a'.repeat(16)) expect(share.attempt('m', name).directory).toBe(join(directory, 'm', name));
    else expect(() => share.attempt('m', name)).toThrow(expect.objectContaining({ reason: 'InvalidArgument' }));
    expect(() => share.attempt('../m', 'a'.repeat(16))).toThrow(expect.objectContaining({ reason: 'InvalidArgument' }));
  },
);
