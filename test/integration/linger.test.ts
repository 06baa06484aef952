/**
 * Who holds the source of a pod that has moved, and for how long: kept connections and those that were made since, until
 * they are closed, until their time is over, or until somebody has enough.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { addressOf, lookAtPod, open, ports } from '../lab/index.ts';
import { Attempt, kubectlMigrate } from './attempt.ts';
import { leftBehind, lookAt, nothing, redirectionOf, settled, untilNothingIsLeft } from './left-behind.ts';
import { execIn, move, type Moved, type Placed, Pods } from './migrate.ts';
import { OpenConnection } from './open-connection.ts';

const lab = open();
const pods = new Pods(lab);
const connections: OpenConnection[] = [];

afterEach(async () => {
  await Promise.all(connections.splice(0).map(async (each) => await each.close()));
  await pods.remove();
});

async function redis(name: string): Promise<Placed> {
  const pod = await pods.run({ name, image: 'redis' });
  await expect.poll(async () => await execIn(lab, pod, ['redis-cli', 'ping']).catch(String)).toBe('PONG\n');
  return pod;
}

async function openOne(kind: 'busy' | 'silent', ip: string): Promise<OpenConnection> {
  const connection = await OpenConnection[kind](lab, ip);
  connections.push(connection);
  return connection;
}

async function both(ip: string): Promise<OpenConnection[]> {
  return [await openOne('busy', ip), await openOne('silent', ip)];
}

const within = (linger: string) => ['--connection-linger', linger];
const running = ({ migration }: Moved) => migration.moments['running'] ?? Number.NaN;

/** Sockets of the pod whose peer is behind its former address. */
async function peersByWayOf(former: string, { node, pid }: Pick<Placed, 'node' | 'pid'>): Promise<string[]> {
  const ss = ['ss', '-H', '-t', '-n', 'state', 'connected', 'dst', former];
  const found = await lab.run(node, ['nsenter', `--net=/proc/${pid}/ns/net`, '--', ...ss]);
  return found.trim().split('\n').filter(Boolean);
}

async function counted(): Promise<Record<string, number>> {
  const url = `http://${addressOf('control')}:${ports.coordinatorMetrics}/metrics`;
  const script = `process.stdout.write(await (await fetch(${JSON.stringify(url)})).text())`;
  const text = await lab.run('control', [process.execPath, '--input-type=module', '--eval', script]);
  const lines = [...text.matchAll(/^podferry_connections\{state="(\w+)"\} (\d+)$/gm)];
  return Object.fromEntries(lines.map(([, state = '', count]) => [state, Number(count)]));
}

it('the source goes when the last connection is closed, long before their time is over', async () => {
  const pod = await redis('closed');
  const [busy, silent] = (await both(pod.ip)) as [OpenConnection, OpenConnection];
  const moved = await move(lab, pod, { wait: 'moved', flags: within('1h') });
  const { netns } = redirectionOf(lab, moved);
  await expect.poll(async () => (await lookAt(lab, moved.migration.id)).connections?.kept).toBe(2);
  expect(await leftBehind(lab, pod, moved, netns)).toEqual({
    ...nothing,
    sandbox: true,
    namespace: true,
    journal: true,
  });
  expect(await busy.fate()).toBe('goes on');
  await busy.close();
  await expect.poll(async () => (await lookAt(lab, moved.migration.id)).connections?.kept).toBe(1);
  // Not a word of it until now, and it counts.
  expect(await silent.fate()).toBe('goes on');
  await silent.close();
  await untilNothingIsLeft(lab, pod, moved, netns);
  expect(await lookAt(lab, moved.migration.id)).toMatchObject({ phase: 'Succeeded' });
});

it('when their time is over, both ends of a busy and of a silent connection are reset', async () => {
  const pod = await redis('over');
  const [busy, silent] = (await both(pod.ip)) as [OpenConnection, OpenConnection];
  const moved = await move(lab, pod, { flags: within('2s') });
  expect(await Promise.all([busy.ended(), silent.ended()])).toEqual(['reset', 'reset']);
  expect(busy.answers.filter((at) => at > running(moved))).not.toEqual([]);
  await expect.poll(async () => await peersByWayOf(pod.ip, moved)).toEqual([]);
  expect(await leftBehind(lab, pod, moved, '/nowhere')).toEqual(nothing);
});

it('without any time they end at the cut-over, the silent one, too', async () => {
  const pod = await redis('none');
  const [busy, silent] = (await both(pod.ip)) as [OpenConnection, OpenConnection];
  const moved = await move(lab, pod, { wait: 'moved', flags: within('0') });
  expect(moved.migration.network).toBe('close');
  expect(await Promise.all([busy.ended(), silent.ended()])).toEqual(['reset', 'reset']);
  await expect.poll(async () => await peersByWayOf(pod.ip, moved)).toEqual([]);
  await expect.poll(async () => (await lookAt(lab, moved.migration.id)).phase).toBe('Succeeded');
});

it('without a limit a cancel ends them, and takes nothing back', async () => {
  const pod = await redis('cancelled');
  const [busy, silent] = (await both(pod.ip)) as [OpenConnection, OpenConnection];
  const moved = await move(lab, pod, { wait: 'moved', flags: within('unlimited') });
  const { netns } = redirectionOf(lab, moved);
  await sleep(1_000);
  expect(await lookAt(lab, moved.migration.id)).toMatchObject({ phase: 'Completing', committed: true });
  const { code, migration, stderr } = await kubectlMigrate(lab, 'cancel', moved.migration.id);
  expect(migration, stderr).toMatchObject({ phase: 'Succeeded' });
  expect(code).toBe(0);
  expect(await Promise.all([busy.ended(), silent.ended()])).toEqual(['reset', 'reset']);
  await expect.poll(async () => await peersByWayOf(pod.ip, moved)).toEqual([]);
  await untilNothingIsLeft(lab, pod, moved, netns);
});

it('connections that were made by the old address since hold it as well, and are counted', async () => {
  const pod = await redis('counted');
  const kept = await openOne('silent', pod.ip);
  const moved = await move(lab, pod, { wait: 'moved', flags: within('unlimited') });
  const { id } = moved.migration;
  const { netns } = redirectionOf(lab, moved);
  const forwarded = await openOne('silent', pod.ip);
  await openOne('silent', moved.ip);
  expect(await forwarded.fate()).toBe('goes on');
  await expect
    .poll(async () => (await lookAt(lab, id)).connections, { timeout: 5_000 })
    .toMatchObject({ kept: 1, forwarded: 1 });
  const { bytes = 0, oldestAt = '' } = (await lookAt(lab, id)).connections ?? {};
  expect(bytes).toBeGreaterThan(100);
  expect(Math.abs(Date.parse(oldestAt) - running(moved))).toBeLessThan(5_000);
  expect(await counted()).toEqual({ kept: 1, forwarded: 1 });
  await kept.close();
  await expect
    .poll(async () => (await lookAt(lab, id)).connections, { timeout: 5_000 })
    .toMatchObject({ kept: 0, forwarded: 1 });
  expect(await forwarded.fate()).toBe('goes on');
  await forwarded.close();
  await untilNothingIsLeft(lab, pod, moved, netns);
  expect(await counted()).toEqual({ kept: 0, forwarded: 0 });
});

it('one that was made since is reset at both ends when its time is over', async () => {
  const pod = await redis('since');
  const kept = await openOne('silent', pod.ip);
  const moved = await move(lab, pod, { wait: 'moved', flags: within('4s') });
  const [busy, silent] = (await both(pod.ip)) as [OpenConnection, OpenConnection];
  expect(await Promise.all([kept, busy, silent].map(async (each) => await each.ended()))).toEqual([
    'reset',
    'reset',
    'reset',
  ]);
  await expect.poll(async () => await peersByWayOf(pod.ip, moved)).toEqual([]);
});

describe('where connections are closed', () => {
  it('open ones are reset at once, and the old address leads to the pod for new ones', async () => {
    const pod = await redis('close');
    const [busy, silent] = (await both(pod.ip)) as [OpenConnection, OpenConnection];
    const route = { source: 'node-a', target: 'node-b' } as const;
    const attempt = Attempt.start(lab, pod.name, route, '--network', 'close', '--linger', '10s');
    const { network, targetSandboxId } = await settled(lab, await attempt.id());
    expect(network).toBe('close');
    expect(await Promise.all([busy.ended(5_000), silent.ended(5_000)])).toEqual(['reset', 'reset']);
    const after = await openOne('silent', pod.ip);
    expect(await after.fate()).toBe('goes on');
    expect(
      await peersByWayOf(pod.ip, { node: 'node-b', ...(await lookAtPod(lab, 'node-b', targetSandboxId)) }),
    ).toHaveLength(1);
    await after.close();
    expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
  });
});
