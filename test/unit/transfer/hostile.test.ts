/** An agent that has a certificate and even a token, but does not keep to the protocol. */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { FrameReader, frame, headBytes, kinds, writeHead } from '../../../agent/transfer/stream/frames.ts';
import type { Inbox } from '../../../agent/transfer/transfer.ts';
import { Fault } from '../../../proto/fault.ts';
import { grant, makeCertificatesOnce, makeWorld, noise, Remembering, stallMs, type World } from './world.ts';

let certificates: string;
let world: World;
let sink: Remembering;
let inbox: Inbox;
let socket: Socket;
let said: Promise<unknown>;

beforeAll(async () => {
  certificates = await makeCertificatesOnce();
});
afterAll(async () => {
  await rm(certificates, { recursive: true });
});
beforeEach(async () => {
  world = await makeWorld('stream', certificates);
  sink = new Remembering();
  inbox = world.target.expect(grant, sink);
  socket = connect({
    host: '127.0.0.1',
    port: world.listener.port,
    ...world.tls('node-a.agent.podferry').tlsOptions(),
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  said = lastWords(socket);
});
afterEach(async () => {
  socket.destroy();
  await world.end();
});

const entry = { channel: 'redis/images', op: 'file', path: 'x' };
const hello = () =>
  frame(kinds.Hello, { version: 1, migration: grant.migration, direction: 'send', token: inbox.token });
const barrier = { id: 1, name: 'seal', last: true, bytes: 0, digest: 'crc32:00000000' };

it.each<[string, () => Buffer[], string]>([
  ['a path that leads up', () => [frame(kinds.Entry, { ...entry, path: '../../etc/cron.d/x' })], 'InvalidArgument'],
  ['a channel that leads up', () => [frame(kinds.Entry, { ...entry, channel: '../x' })], 'InvalidArgument'],
  ['nothing as an entry', () => [frame(kinds.Entry)], 'InvalidArgument'],
  ['an entry within an entry', () => [frame(kinds.Entry, entry), frame(kinds.Entry, entry)], 'TransferFailed'],
  ['bytes without an entry', () => [data(noise(10))], 'TransferFailed'],
  ['an end without an entry', () => [frame(kinds.End)], 'TransferFailed'],
  ['more bytes than it said', () => [frame(kinds.Entry, { ...entry, size: 5 }), data(noise(6))], 'VerifyFailed'],
  [
    'fewer bytes than it said',
    () => [frame(kinds.Entry, { ...entry, size: 5 }), data(noise(4)), frame(kinds.End)],
    'VerifyFailed',
  ],
  ['a count that is wrong', () => [frame(kinds.Barrier, { ...barrier, bytes: 7 })], 'VerifyFailed'],
  ['a digest that is wrong', () => [frame(kinds.Barrier, { ...barrier, digest: 'crc32:00000001' })], 'VerifyFailed'],
  ['nothing as a barrier', () => [frame(kinds.Barrier)], 'VerifyFailed'],
  ['a barrier amid an entry', () => [frame(kinds.Entry, entry), frame(kinds.Barrier, barrier)], 'TransferFailed'],
  ['a second hello', () => [hello()], 'TransferFailed'],
  ['a kind that does not exist', () => [Buffer.from([99, 0, 0, 0, 0])], 'TransferFailed'],
  ['a frame without end', () => [Buffer.from([kinds.Entry, 255, 255, 255, 255])], 'TransferFailed'],
  ['something that is not JSON', () => [Buffer.from([kinds.Entry, 0, 0, 0, 1, 0x7b])], 'TransferFailed'],
  ['another language', () => [Buffer.from('GET / HTTP/1.1\r\n\r\n')], 'TransferFailed'],
])('is told so, and the sink sees no whole entry: %s', async (_, frames, reason) => {
  for (const one of [hello(), ...frames()]) socket.write(one);
  expect(await said).toMatchObject({ reason });
  await expect(inbox.done).rejects.toMatchObject({ reason });
  expect(sink.taken).toEqual([]);
});

it('gets frames through in whatever pieces they arrive', async () => {
  const content = noise(70_000);
  const all = Buffer.concat([
    hello(),
    frame(kinds.Entry, entry),
    data(content),
    frame(kinds.Ping),
    data(Buffer.alloc(0)),
    frame(kinds.End),
  ]);
  for (let at = 0; at < 200; at += 1) socket.write(all.subarray(at, at + 1));
  socket.write(all.subarray(200));
  await expect.poll(() => sink.taken.length).toBe(1);
  expect(sink.taken[0]?.content.equals(content)).toBe(true);
});

it.each<[string, () => Buffer, string]>([
  [
    'another version',
    () => frame(kinds.Hello, { version: 2, migration: grant.migration, direction: 'send', token: inbox.token }),
    'TransportUnavailable',
  ],
  [
    'another direction',
    () => frame(kinds.Hello, { version: 1, migration: grant.migration, direction: 'fetch', token: inbox.token }),
    'InvalidArgument',
  ],
  [
    'no token',
    () => frame(kinds.Hello, { version: 1, migration: grant.migration, direction: 'send' }),
    'InvalidArgument',
  ],
  ['nothing', () => frame(kinds.Hello), 'TransportUnavailable'],
  ['an entry', () => frame(kinds.Entry, entry), 'TransferFailed'],
])('is not let in with a hello that is %s, and does not use up the token', async (_, first, reason) => {
  socket.write(first());
  expect(await said).toMatchObject({ reason });
  const outbox = await world.source().open(world.to(inbox.token), AbortSignal.timeout(5_000));
  await outbox.seal(AbortSignal.timeout(5_000));
});

it('cannot hold a connection by silence', async () => {
  const from = performance.now();
  await once(socket, 'close');
  expect(performance.now() - from).toBeLessThan(stallMs * 2);
});

it('cannot make the target hold more than a few MB', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  sink.first = () => promise;
  socket.write(hello());
  let sent = 0;
  for (let at = 0; at < 200_000 && socket.write(frame(kinds.Entry, entry)); at += 1) {
    socket.write(frame(kinds.End));
    sent += 1;
    if (at % 100 === 0) await new Promise(setImmediate);
  }
  expect(sent).toBeLessThan(200_000);
  resolve();
  await inbox.abort(new Fault('Cancelled', 'enough'));
});

function data(content: Buffer): Buffer {
  const made = Buffer.alloc(headBytes + content.length);
  writeHead(made, 0, kinds.Data, content.length);
  content.copy(made, headBytes);
  return made;
}

/** What the target said in its Fault frame. */
async function lastWords(from: Socket): Promise<unknown> {
  const reader = new FrameReader();
  let words: unknown;
  from.on('data', (chunk: Buffer) =>
    reader.push(chunk, {
      frame(kind, value) {
        if (kind === kinds.Fault) words = value;
      },
      data() {},
    }),
  );
  await once(from, 'close');
  return words;
}
