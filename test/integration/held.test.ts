/** What is held while a pod stands still: how it is let go, and how much of it there may be. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { mostNew, mostPackets, plugDevice } from '../../agent/connections/rules.ts';
import { lookAtPod, open } from '../lab/index.ts';
import type { Call } from '../workloads/connections.ts';
import { moveWithSlowCriu } from './armed.ts';
import { Attempt, kubectlMigrate } from './attempt.ts';
import { Client } from './client.ts';
import { settled } from './left-behind.ts';
import { execIn, otherThan, type Placed, Pods } from './migrate.ts';
import { OpenConnection } from './open-connection.ts';
import { letCriuGo, repair } from './outage.ts';

const lab = open();
const pods = new Pods(lab);
const connections: OpenConnection[] = [];

afterEach(async () => {
  await repair(lab);
  await Promise.all(connections.splice(0).map(async (each) => await each.close()));
  // What a pod has left goes when its last connection has: not at the same time as the test takes it away.
  const running = async () => (await kubectlMigrate(lab, 'list', '--running')).migration;
  await expect.poll(running, { timeout: 60_000 }).toEqual([]);
  await pods.remove();
});

/** Freezes it; it stands still until its CRIU is let go. */
async function freeze(pod: Placed): Promise<Attempt> {
  const route = { source: pod.node, target: otherThan(pod.node) };
  const flags = ['--freeze-timeout', '60s', '--linger', '3s', '--connection-linger', '10m'];
  return await moveWithSlowCriu(lab, () => Attempt.start(lab, pod.name, route, ...flags), pod.name);
}

/** Where it goes on. */
async function letGo(pod: Placed, attempt: Attempt): Promise<Placed & { running: number }> {
  await letCriuGo(lab, pod.node);
  const { phase, message, targetSandboxId, moments } = await settled(lab, await attempt.id());
  expect(phase, message ?? '').toBe('Completing');
  const node = otherThan(pod.node);
  const running = moments['running'] ?? Number.NaN;
  return { name: pod.name, node, running, ...(await lookAtPod(lab, node, targetSandboxId)) };
}

async function redis(beside: Parameters<Pods['run']>[0]['beside'] = []): Promise<Placed> {
  const pod = await pods.run({ name: 'redis', image: 'redis', beside });
  await expect.poll(async () => await execIn(lab, pod, ['redis-cli', 'ping']).catch(String)).toBe('PONG\n');
  connections.push(await OpenConnection.busy(lab, pod.ip), await OpenConnection.silent(lab, pod.ip));
  return pod;
}

const fates = async () => await Promise.all(connections.map(async (each) => await each.fate()));

/** Those that were held: made before the pod ran again, and not answered before. */
const heldOf = (calls: readonly Call[], running: number) =>
  calls.filter(({ began, ended }) => began < running && ended > running);

it('a listener with a short queue has room for all new connections that were held', async () => {
  const pod = await pods.run({ name: 'web', image: 'counter', command: ['httpd', '-f', '-p', '80', '-h', '/data'] });
  const get = ['--say', 'GET /from-image HTTP/1.0\r\n'] as const;
  const look = Client.start(lab, 'call', pod.ip, 80, '--interval', 50, ...get);
  await expect.poll(() => look.events.some(({ how }) => how === 'answered')).toBe(true);
  await look.stop();
  const attempt = await freeze(pod);
  const count = 60;
  const clients = Client.start(lab, 'call', pod.ip, 80, '--interval', 20, '--count', count, ...get);
  await expect.poll(async () => await firstPacketsIn(pod), { timeout: 20_000 }).toBe(count);
  const { node, pid, running } = await letGo(pod, attempt);
  const calls = await clients.stop();
  expect(calls.filter(({ how }) => how !== 'answered')).toEqual([]);
  expect(heldOf(calls, running)).toHaveLength(count);
  // Who finds no room is not told: its first packet comes again a second later.
  const { ListenOverflows, ListenDrops } = counters(node, pid);
  expect({ ListenOverflows, ListenDrops }).toEqual({ ListenOverflows: 0, ListenDrops: 0 });
});

describe('more than may wait', () => {
  it('of new connections are refused at once; those that wait, and those that are open, go on', {
    timeout: 240_000,
  }, async () => {
    const pod = await redis();
    const attempt = await freeze(pod);
    const more = 400;
    const flags = ['--interval', 1, '--timeout', 60_000, '--say', 'QUIT', '--count', mostNew + more] as const;
    const clients = Client.start(lab, 'call', pod.ip, 6379, ...flags);
    await expect.poll(() => clients.events.length, { timeout: 50_000 }).toBe(more);
    expect(new Set(clients.events.map(({ how }) => how))).toEqual(new Set(['refused']));
    expect(await firstPacketsIn(pod)).toBe(mostNew);
    const { running } = await letGo(pod, attempt);
    const calls = await clients.stop();
    expect(calls.slice(more).filter(({ how }) => how !== 'answered')).toEqual([]);
    expect(heldOf(calls, running)).toHaveLength(mostNew);
    expect(await fates()).toEqual(['goes on', 'goes on']);
  });

  it('of packets are lost; the pod and what is open go on', { timeout: 240_000 }, async () => {
    const pod = await redis([{ name: 'datagrams', image: 'datagrams' }]);
    const attempt = await freeze(pod);
    const sent = 3 * mostPackets;
    await lab.run('control', ['perl', '-e', flood, pod.ip, String(sent)]);
    expect(await droppedBy(pod)).toBeGreaterThanOrEqual(sent - mostPackets);
    const moved = await letGo(pod, attempt);
    expect(await fates()).toEqual(['goes on', 'goes on']);
    const client = Client.start(lab, 'datagrams', moved.ip, 8080);
    await expect.poll(() => client.events.length, { timeout: 10_000 }).toBeGreaterThan(10);
    await client.stop();
    expect(await execIn(lab, moved, ['redis-cli', 'ping'])).toBe('PONG\n');
  });
});

const flood = `
use strict; use Socket;
my ($address, $count) = @ARGV;
socket(my $out, AF_INET, SOCK_DGRAM, 0) or die "$!\\n";
my $to = pack_sockaddr_in(8080, inet_aton($address));
send($out, 'x' x 1000, 0, $to) for 1 .. $count;
`;

const within = ({ pid }: Placed, argv: readonly string[]) => ['nsenter', `--net=/proc/${pid}/ns/net`, '--', ...argv];

/** New connections that are held, by the ends that are known to the rules. */
async function firstPacketsIn(pod: Placed): Promise<number> {
  const nft = ['nft', '-j', 'list', 'set', 'netdev', 'podferry', 'new-ip'];
  const { nftables } = JSON.parse(await lab.run(pod.node, within(pod, nft))) as {
    nftables: { set?: { elem?: unknown[] } }[];
  };
  return nftables.find(({ set }) => set !== undefined)?.set?.elem?.length ?? 0;
}

async function droppedBy(pod: Placed): Promise<number> {
  const ip = await lab.run(pod.node, within(pod, ['ip', '-s', '-j', 'link', 'show', 'dev', plugDevice]));
  const [link] = JSON.parse(ip) as { stats64: { tx: { dropped: number } } }[];
  return link?.stats64.tx.dropped ?? Number.NaN;
}

/** What the kernel has counted in a pod's namespace. */
function counters(node: Placed['node'], pid: number): Record<string, number> {
  const text = readFileSync(join(lab.node(node).root, `proc/${pid}/net/netstat`), 'utf8');
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' ').slice(1));
  return Object.fromEntries(names.map((name, at) => [name, Number(values[at])]));
}
