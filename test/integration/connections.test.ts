/**
 * What clients see of a move: listening sockets live on, connections that cannot are closed at once, and the old
 * address leads to the pod for as long as it was asked to.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { ask, open } from '../lab/index.ts';
import type { Call } from '../workloads/connections.ts';
import { Client } from './client.ts';
import { logOf } from './log.ts';
import { execIn, move, type Moved, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

afterEach(async () => await pods.remove());

const moment = ({ migration }: Moved, name: string) => migration.moments[name] ?? Number.NaN;

it.each([
  ['translate', 'all are answered', /^answered$/],
  ['close', 'none is refused, and those wait whose connection had not begun', /^(answered|reset|closed)$/],
] as const)('%s: of clients that call all the time %s', async (network, _what, allowed) => {
  const pod = await pods.run({ name: 'busy', image: 'counter' });
  const caller = Client.start(lab, 'call', pod.ip, 8080, '--timeout', 4_000);
  await expect.poll(() => caller.events.filter(({ how }) => how === 'answered').length).toBeGreaterThan(50);
  const moved = await move(lab, pod, { linger: '2s', flags: ['--network', network] });
  const calls = await caller.stop();
  const [frozen, running, released] = [
    moment(moved, 'freezing'),
    moment(moved, 'running'),
    moment(moved, 'passed') + 2_000,
  ];

  const before = calls.filter(({ ended }) => ended < frozen);
  expect(before.filter(({ how }) => how !== 'answered')).toEqual([]);
  const during = calls.filter(({ began, ended }) => ended >= frozen && began < running);
  expect(during.filter(({ how }) => !allowed.test(how))).toEqual([]);
  // No client hangs for longer than the pod stood still.
  expect(longest(during)).toBeLessThan(moved.migration.freezeMs + 1_000);
  const after = calls.filter(({ began, ended }) => began >= running && ended < released);
  expect(after.length).toBeGreaterThan(50);
  expect(after.filter(({ how }) => how !== 'answered')).toEqual([]);
  // One counter has answered all of them. Two that end in the same moment may be told in either order.
  const answered = calls.filter(({ how }) => how === 'answered').sort((a, b) => a.ended - b.ended);
  for (let at = 1; at < answered.length; at += 1) {
    expect(Number(answered[at]?.answer)).toBeGreaterThanOrEqual(Number(answered[at - 1]?.answer) - 1);
  }
});

function longest(calls: readonly Call[]): number {
  return Math.max(...calls.map(({ began, ended }) => ended - began));
}

it('the old address leads to the pod until the linger is over, and no longer', async () => {
  const pod = await pods.run({ name: 'forwarded', image: 'counter' });
  const caller = Client.start(lab, 'call', pod.ip, 8080, '--interval', 20, '--timeout', 1_000);
  const moved = await move(lab, pod, { linger: '1500ms' });
  await sleep(500);
  const calls = await caller.stop();
  const passed = moment(moved, 'passed');
  const lasts = calls.filter(({ how }) => how === 'answered').at(-1)?.ended ?? 0;
  expect(lasts - passed).toBeGreaterThan(1_400);
  expect(calls.at(-1)?.how).toMatch(/unreachable|timeout|refused/);
  expect(Number(await ask(lab, moved.ip))).toBeGreaterThan(0);
});

const close = ['--network', 'close'] as const;

it('connections that are idle, wait for an answer, have sent, or were never accepted end when the pod runs elsewhere', async () => {
  const pod = await pods.run({ name: 'redis', image: 'redis' });
  await expect.poll(async () => await execIn(lab, pod, ['redis-cli', 'ping']).catch(String)).toBe('PONG\n');
  const hold = async () => {
    const client = Client.start(lab, 'hold', pod.ip, 6379);
    await expect.poll(() => client.events.map(({ event }) => event)).toEqual(['connected']);
    return client;
  };
  const [idle, waiting, unread] = [await hold(), await hold(), await hold()];
  // For so long it reads and accepts nothing.
  waiting.send('DEBUG SLEEP 4');
  await sleep(50);
  unread.send('PING');
  const unaccepted = await hold();
  const moved = await move(lab, pod, { linger: '2s', flags: close });
  const [from, to] = [moment(moved, 'frozen'), moment(moved, 'running') + 1_000];
  for (const client of [idle, waiting, unread, unaccepted]) {
    const [, { event, at } = { event: 'nothing', at: Number.NaN }, ...more] = await client.stop();
    expect(event).toMatch(/^(closed|reset)$/);
    expect(at).toBeGreaterThan(from);
    expect(at).toBeLessThan(to);
    expect(more).toEqual([]);
  }
  // Where it runs now it knows of none of them any more.
  const clients = async () => (await execIn(lab, moved, ['redis-cli', 'client', 'list'])).trim().split('\n');
  await expect.poll(clients, { timeout: 10_000 }).toEqual([expect.stringContaining('cmd=client|list')]);
});

it('a connection of the pod’s own ends at both ends, and it can make another one', async () => {
  const server = Client.start(lab, 'listen', 9100);
  const script = 'mkfifo /tmp/f; while :; do nc 10.77.0.2 9100 <>/tmp/f; echo ended; sleep 0.05; done';
  const pod = await pods.run({ name: 'caller', image: 'counter', command: ['/bin/sh', '-c', script] });
  await expect.poll(() => server.events).toEqual([expect.objectContaining({ event: 'connected', peer: pod.ip })]);
  const moved = await move(lab, pod, { linger: '1s', flags: close });
  const running = moment(moved, 'running');
  expect(logOf(lab, moved).map(({ text }) => text)).toEqual(['ended']);
  const events = await server.stop();
  expect(events.find(({ id, event }) => id === 1 && event !== 'connected')?.at).toBeLessThan(running + 1_000);
  const [second, ...more] = events.filter(({ id, event }) => id !== 1 && event === 'connected');
  expect(second).toMatchObject({ peer: moved.ip });
  expect(second?.at).toBeLessThan(running + 1_000);
  expect(more).toEqual([]);
});

it('datagrams to the old address are answered by the same socket again once it runs', async () => {
  const pod = await pods.run({ name: 'datagrams', image: 'datagrams' });
  const client = Client.start(lab, 'datagrams', pod.ip, 8080);
  await expect.poll(() => client.events.length).toBeGreaterThan(20);
  const moved = await move(lab, pod, { linger: '2s' });
  const all = (await client.stop()).sort((a, b) => a.sent - b.sent);
  const [frozen, running, released] = [
    moment(moved, 'freezing'),
    moment(moved, 'running'),
    moment(moved, 'passed') + 2_000,
  ];
  const sentIn = (from: number, to: number) => all.filter(({ sent }) => sent >= from && sent < to);
  expect(sentIn(0, frozen - 50).filter(({ answered }) => answered === undefined)).toEqual([]);
  const after = sentIn(running, released - 50);
  expect(after.length).toBeGreaterThan(100);
  expect(after.filter(({ answered }) => answered === undefined)).toEqual([]);
  const counts = all.filter(({ answered }) => answered !== undefined).map(({ answer }) => Number(answer));
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
});
