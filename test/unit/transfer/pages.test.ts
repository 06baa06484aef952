/** Memory by way of two agents: who may serve it, and how they find each other again. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pino } from 'pino';
import { Filling } from '../../../agent/target/lazy-pages.ts';
import { TargetMigration, type TargetRecord } from '../../../agent/target/target.ts';
import { SidePaths } from '../../../agent/paths.ts';
import { kinds } from '../../../agent/transfer/stream/frames.ts';
import type { Link, LinkHandler } from '../../../agent/transfer/stream/link.ts';
import { Listener } from '../../../agent/transfer/stream/listener.ts';
import { StreamTransport } from '../../../agent/transfer/stream/stream.ts';
import { openIdentity } from '../../../proto/identity.ts';

const log = pino({ level: 'silent' });
const identity = openIdentity(undefined, log);
const secret = 's'.repeat(43);
const { signal } = new AbortController();

let directory: string;
let listener: Listener;
let transport: StreamTransport;
let target: TargetMigration;
let filling: Filling;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podferry-pages-'));
  listener = new Listener({ address: '127.0.0.1:0', identity, log, stallMs: 2_000 });
  await listener.listen();
  transport = new StreamTransport(listener, identity, { stallMs: 2_000 });
  const plan = { id: 'm', source_node: 'node-a', target_node: 'node-b' } as TargetRecord['plan'];
  const manifest = { containers: [{ name: 'c' }] };
  const details = { manifest, memory: { secret: '', state: 'owed' } } as unknown as TargetRecord['details'];
  target = new TargetMigration(new SidePaths(directory), { plan, step: 'Running', moments: [], fault: null, details });
  mkdirSync(target.paths.container('c').directory, { recursive: true });
  filling = new Filling(target, { transport, log });
  await filling.begin();
});

afterEach(async () => {
  filling.end();
  await listener.close();
  rmSync(directory, { recursive: true, force: true });
});

const to = (token: string) => ({ migration: 'm', address: `127.0.0.1:${listener.port}`, peer: 'node-b', token });

interface Source {
  link: Link;
  asked: Promise<unknown>;
  told: Promise<unknown>;
}

/** A source that hears questions and says nothing by itself. */
async function dial(token = secret): Promise<Source> {
  return await transport.dialPages(
    to(token),
    (link) => {
      const asked = Promise.withResolvers<unknown>();
      const told = Promise.withResolvers<unknown>();
      const handler: LinkHandler = {
        frame(kind, value) {
          if (kind === kinds.Wanted) asked.resolve(value);
          if (kind === kinds.Memory) told.resolve(value);
        },
        data() {},
        gone() {},
      };
      link.handler = handler;
      return { link, asked: asked.promise, told: told.promise };
    },
    signal,
  );
}

function give({ link }: Source, id: number, content: Buffer): void {
  link.send(kinds.Pages, { container: 'c', id, bytes: content.length });
  const head = Buffer.alloc(5);
  head.writeUInt8(kinds.Data);
  head.writeUInt32BE(content.length, 1);
  link.socket.write(Buffer.concat([head, content]));
}

async function filler(): Promise<Socket> {
  const socket = connect(target.paths.container('c').pagesSocket);
  await once(socket, 'connect');
  return socket;
}

function question(id: number, at: number, bytes: number, pid: number): Buffer {
  const made = Buffer.alloc(28);
  [id, at, bytes].forEach((each, index) => made.writeBigUInt64LE(BigInt(each), 8 * index));
  made.writeUInt32LE(pid, 24);
  return made;
}

const granted = () => filling.granted({ channel: 'c/lazy', op: 'grant', meta: { secret } });

it('lets nobody in before the source has said by what, and nobody with anything else', async () => {
  await expect(dial()).rejects.toMatchObject({ reason: 'PermissionDenied' });
  granted();
  await expect(dial('t'.repeat(43))).rejects.toMatchObject({ reason: 'PermissionDenied' });
  await expect(dial('')).rejects.toMatchObject({ reason: 'PermissionDenied' });
  const { link } = await dial();
  await link.hangUp();
});

it('lets nobody in any more when the migration has ended', async () => {
  granted();
  filling.end();
  await expect(dial()).rejects.toMatchObject({ reason: 'PermissionDenied' });
});

it('refuses a secret that is none', () => {
  expect(() => filling.granted({ channel: 'c/lazy', op: 'grant', meta: { secret: 'short' } })).toThrow('lets nobody');
});

it('passes questions on, and answers to who has asked', async () => {
  granted();
  const source = await dial();
  const socket = await filler();
  socket.write(question(7, 0x7f00_0000_1000, 8192, 12));
  expect(await source.asked).toEqual({ container: 'c', id: 7, at: 0x7f00_0000_1000, bytes: 8192, pid: 12 });
  const content = Buffer.alloc(8192, 'x');
  give(source, 7, content);
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(head.readBigUInt64LE(0)).toBe(7n);
  expect(head.readBigUInt64LE(8)).toBe(8192n);
  socket.destroy();
  await source.link.hangUp();
});

it('asks the next connection what the last one has not answered', async () => {
  granted();
  const first = await dial();
  const socket = await filler();
  socket.write(question(1, 4096, 4096, 1));
  await first.asked;
  first.link.socket.destroy();
  const second = await dial();
  expect(await second.asked).toMatchObject({ id: 1, at: 4096 });
  socket.destroy();
  await second.link.hangUp();
});

it('hangs up on the one who asks when half an answer is lost: it asks again', async () => {
  granted();
  const source = await dial();
  const socket = await filler();
  socket.write(question(1, 4096, 4096, 1));
  await source.asked;
  source.link.send(kinds.Pages, { container: 'c', id: 1, bytes: 4096 });
  await once(socket, 'data');
  source.link.socket.destroy();
  socket.on('error', () => {});
  expect((await buffer(socket).catch(() => Buffer.alloc(0))).length).toBe(0);
});

it('hangs up on it too when the source comes a second time before the first is known to be gone', async () => {
  granted();
  const first = await dial();
  const socket = await filler();
  socket.write(question(1, 4096, 4096, 1));
  await first.asked;
  first.link.send(kinds.Pages, { container: 'c', id: 1, bytes: 4096 });
  await once(socket, 'data');
  const second = await dial();
  socket.on('error', () => {});
  expect((await buffer(socket).catch(() => Buffer.alloc(0))).length).toBe(0);
  await second.link.hangUp();
});

it.each([
  ['lazy-done', 'here', null],
  ['lazy-lost', 'lost', 'MemoryLost'],
] as const)('writes down how it ended by %s, and tells a source that comes later', async (file, memory, reason) => {
  granted();
  writeFileSync(join(target.paths.container('c').directory, file), '');
  await expect.poll(() => target.record.details.memory?.state).toBe(memory);
  expect(target.record.fault?.reason ?? null).toBe(reason);
  const { told, link } = await dial();
  expect(await told).toEqual({ memory });
  await link.hangUp();
});
