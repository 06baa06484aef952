/** A watch that outlives whatever happens to its connection. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { watchObjects } from '../../../coordinator/resource/watch.ts';
import { ApiServer, json } from './api-server.ts';
import { until } from './until.ts';

const log = pino({ level: 'silent' });
const path = '/apis/podferry.dev/v1alpha1/podmigrations';
const pace = { firstPauseMs: 20, longestPauseMs: 50 };

interface Thing {
  metadata: { name: string; resourceVersion: string };
}

const thing = (name: string, version: number): Thing => ({ metadata: { name, resourceVersion: String(version) } });
const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;

let server: ApiServer;
let heard: string[];
let ends: AbortController;
let watching: Promise<void>;
/** What the server has, by the version of its list. */
let listed: { items: Thing[]; resourceVersion: string };

beforeEach(async () => {
  server = new ApiServer();
  await server.start();
  heard = [];
  ends = new AbortController();
  listed = { items: [thing('a', 1)], resourceVersion: '5' };
});

afterEach(async () => {
  ends.abort(new Error('the test is over'));
  await watching;
  await server.stop();
});

function watch(): void {
  const name = ({ metadata }: Thing) => `${metadata.name}@${metadata.resourceVersion}`;
  const listener = {
    listed: (things: readonly Thing[]) => heard.push(`all ${things.map(name).join(' ')}`),
    seen: (object: Thing) => {
      heard.push(`seen ${name(object)}`);
      if (object.metadata.name === 'poison') throw new Error('a listener that fails');
    },
    gone: (object: Thing) => heard.push(`gone ${name(object)}`),
  };
  const source = { path, list: async () => await Promise.resolve(listed) };
  watching = watchObjects(server.config(), source, listener, log, ends.signal, pace);
}

const versions = () => server.requests.map((request) => /resourceVersion=(\d+)/.exec(request)?.[1]);

it('goes on from what it saw last when the connection ends, is cut, or is refused', async () => {
  const answers = [
    line('ADDED', thing('b', 6)) + line('DELETED', thing('a', 7)),
    `${line('MODIFIED', thing('b', 8))}{"type":"MODIFIED","obj`,
    line('BOOKMARK', thing('', 20)),
  ];
  server.answer = (_request, response) => {
    const [next] = answers.splice(0, 1);
    response.writeHead(200).write(next ?? '');
    if (next?.endsWith('obj') === true) setTimeout(() => response.destroy(), 20);
    else if (next !== undefined) response.end();
  };
  watch();
  await until('the last one is open', () => server.requests.length === 4);
  expect(heard).toEqual(['all a@1', 'seen b@6', 'gone a@7', 'seen b@8']);
  expect(versions()).toEqual(['5', '7', '8', '20']);
  await server.stop();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server.start();
  await until('it is back', () => server.requests.length === 5);
  expect(versions()[4]).toBe('20');
  expect(heard).toHaveLength(4);
});

it.each([
  [
    'an event',
    (response: Parameters<ApiServer['answer']>[1]) => {
      response.writeHead(200).end(line('ERROR', { kind: 'Status', code: 410, message: 'too old' }));
    },
  ],
  ['an answer', (response: Parameters<ApiServer['answer']>[1]) => json(response, 410, { kind: 'Status', code: 410 })],
])('lists again when its version is forgotten, which it hears as %s', async (_what, forget) => {
  server.answer = (_request, response) => {
    if (server.requests.length > 1) return void response.writeHead(200).write('');
    listed = { items: [thing('c', 30)], resourceVersion: '31' };
    forget(response);
  };
  watch();
  await until('it has listed again', () => heard.includes('all c@30'));
  await until('and watches from there', () => server.requests.length === 2);
  expect(versions()).toEqual(['5', '31']);
});

it('does not ask without a pause when every watch ends at once', async () => {
  server.answer = (_request, response) => void response.writeHead(200).end();
  watch();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(server.requests.length).toBeGreaterThan(2);
  expect(server.requests.length).toBeLessThan(20);
});

it('goes on when a listener fails', async () => {
  server.answer = (_request, response) => {
    response.writeHead(200).write(line('ADDED', thing('poison', 6)) + line('ADDED', thing('b', 7)));
  };
  watch();
  await until('the next one is heard', () => heard.includes('seen b@7'));
});

it('ends at the signal, also while nobody answers', async () => {
  server.answer = () => {};
  watch();
  await until('it waits for an answer', () => server.requests.length === 1);
  ends.abort(new Error('the test is over'));
  await watching;
});
