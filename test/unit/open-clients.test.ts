/** Clients with open connections notice what a move could do to them: something lost, doubled, changed, or an end. */
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Addresses } from '../clients/addresses.ts';
import { kindsFor, mix } from '../clients/bunch.ts';
import { Notes } from '../clients/client.ts';
import { HttpKeepAlive } from '../clients/http.ts';
import { Inbox } from '../clients/inbox.ts';
import { RedisPipeline, RedisSilent, RedisSubscriber } from '../clients/redis.ts';
import { type Reply, readReply } from '../workloads/resp.ts';

const servers: (Server | HttpServer)[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    await once(server.close(), 'close');
  }
});

async function listen(server: Server | HttpServer): Promise<{ host: string; port: number }> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** Once, when the command that is counted comes for the fifth time. */
type Fault = 'none' | 'lost' | 'doubled' | 'changed' | 'reset' | 'numbered anew';

/** A Redis of the commands that the clients use, with a fault. */
async function redisWith(fault: Fault): Promise<Addresses> {
  const data = new Map<string, string>();
  const subscribed = new Map<string, (message: string) => void>();
  let counted = 0;
  let id = 7;
  const answer = ([name = '', key = '', value = '']: string[], write: (text: string) => void): string => {
    const now = (name === 'APPEND' || name === 'PUBLISH') && (counted += 1) === 5 ? fault : 'none';
    const given = now === 'changed' ? value.replace('5', '6') : value;
    switch (name) {
      case 'APPEND': {
        const times = now === 'lost' ? 0 : now === 'doubled' ? 2 : 1;
        data.set(key, (data.get(key) ?? '') + given.repeat(times));
        return `:${data.get(key)?.length}\r\n`;
      }
      case 'GET':
        return bulk(data.get(key) ?? '');
      case 'CLIENT':
        return bulk(String(fault === 'numbered anew' ? (id += 1) : id));
      case 'SUBSCRIBE':
        subscribed.set(key, write);
        return `*3\r\n${bulk('subscribe')}${bulk(key)}:1\r\n`;
      case 'PUBLISH': {
        const message = `*3\r\n${bulk('message')}${bulk(key)}${bulk(given)}`;
        subscribed.get(key)?.(message.repeat(now === 'doubled' ? 2 : 1));
        return ':1\r\n';
      }
      default:
        throw new Error(`not known here: ${name}`);
    }
  };
  const server = createTcpServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (let read = readReply(received, 0); read !== undefined; read = readReply(received, 0)) {
        received = received.subarray(read.next);
        if (fault === 'reset' && counted === 4) return void socket.resetAndDestroy();
        socket.write(answer((read.reply as Reply[]).map(String), (text) => socket.write(text)));
      }
    });
  });
  return { redis: { ...(await listen(server)), tlsPort: 0, authority: '' } };
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;

describe('Redis', () => {
  it.each([
    ['none', []],
    ['lost', [expect.stringContaining('the length of key: 32 instead of 40')]],
    ['doubled', [expect.stringContaining('the length of key: 48 instead of 40')]],
    ['changed', [expect.stringContaining('key, read by itself')]],
    ['reset', [expect.stringContaining('ECONNRESET')]],
  ] as const)('a pipeline of which one is %s', async (fault, errors) => {
    const at = await redisWith(fault);
    const client = await RedisPipeline.open(at, 'key');
    client.start();
    if (fault === 'none' || fault === 'changed') await expect.poll(() => client.tally.exchanges).toBeGreaterThan(20);
    else await expect.poll(() => client.errors.length).toBeGreaterThan(0);
    expect((await client.stop(at)).slice(0, 1)).toEqual(errors);
  });

  it.each([
    ['none', []],
    ['doubled', [expect.stringContaining('what came')]],
    ['changed', [expect.stringContaining('what came')]],
  ] as const)('a message to a subscriber that is %s', async (fault, errors) => {
    const at = await redisWith(fault);
    const client = await RedisSubscriber.open(at, 'channel');
    client.start();
    await expect.poll(() => client.tally.exchanges + client.errors.length * 10).toBeGreaterThan(9);
    expect(await client.stop(at)).toEqual(errors);
  });

  it('a silent connection that has become another one at the server', async () => {
    const [good, bad] = [await redisWith('none'), await redisWith('numbered anew')];
    for (const [at, errors] of [
      [good, []],
      [bad, ['its number at Redis: "9" instead of "8"']],
    ] as const) {
      const client = await RedisSilent.open(at);
      client.start();
      expect(await client.stop(at)).toEqual(errors);
    }
  });
});

it('HTTP: a connection that was closed between two requests, and made again', async () => {
  let [connections, requests] = [0, 0];
  const server = createServer((asked, answer) => {
    answer.setHeader('X-Connection', String(connections)).setHeader('X-Request', String((requests += 1)));
    const from = Number(new URL(asked.url ?? '', 'http://here').searchParams.get('from'));
    const count = Number(new URL(asked.url ?? '', 'http://here').searchParams.get('count'));
    for (let number = from; number < from + count; number += 1) answer.write(`${number}\n`);
    answer.end(() => asked.socket.destroySoon());
  }).on('connection', () => (connections += 1));
  const at = { http: await listen(server) };
  const client = await HttpKeepAlive.open(at);
  await sleep(20);
  client.start();
  await expect.poll(() => client.errors.length).toBeGreaterThan(0);
  expect(await client.stop(at)).toContain('the connection to the server was closed');
});

it('what came before the end can be taken, and then the end', async () => {
  const inbox = new Inbox<number>();
  const first = inbox.take();
  inbox.put(1);
  inbox.put(2);
  inbox.fail(new Error('over'));
  inbox.fail(new Error('over again'));
  expect(await first).toBe(1);
  expect(inbox.left).toBe(1);
  expect(await inbox.take()).toBe(2);
  await expect(inbox.take()).rejects.toThrow('over');
});

it('an answer that is still due counts in the longest time', async () => {
  const notes = new Notes();
  notes.asked();
  notes.answered();
  expect(notes.tally).toMatchObject({ exchanges: 1, longestMs: expect.toSatisfy((ms: number) => ms < 50) });
  notes.asked();
  await sleep(60);
  expect(notes.tally.longestMs).toBeGreaterThanOrEqual(50);
});

it('a bunch has as many of each kind as of any other, of those that there are servers for', () => {
  const place = { host: 'h', port: 1 };
  expect(kindsFor({ http: place })).toEqual(['http-keep-alive', 'websocket']);
  expect(kindsFor({ edge: place })).toEqual([]);
  const all = kindsFor({ http: place, postgres: place, ssh: { ...place, user: 'u', keyFile: 'k' } });
  const bunch = mix(all, 5 * all.length);
  expect(all.map((kind) => bunch.filter((each) => each === kind).length)).toEqual(all.map(() => 5));
  expect(() => mix([], 1)).toThrow('no kind');
});
