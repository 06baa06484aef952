/** A migration of which only connections are left: nobody else waits for it, and it ends when nobody needs it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import type { Migration__Output as Migration } from '../../../proto/gen/podferry/v1/Migration.ts';
import { run, start } from './cli-process.ts';
import type { FakeAgent } from './fake-agent.ts';
import { ask, migrate, type Stage, stage, toB } from './stage.ts';
import { until } from './until.ts';

vi.setConfig({ testTimeout: 30_000 });

const three = { kept: 2, forwarded: 1, bytes: '4096', oldest_unix_ms: 1_700_000_000_000 };
const to = (target_node: string) => ({ ...toB, target_node });

const stages: Stage[] = [];
afterEach(async () => {
  await Promise.all(stages.splice(0).map((set) => set.close()));
});

async function newStage(options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  const set = await stage({ longestCallMs: 60_000, nodes: ['node-a', 'node-b', 'node-c'], ...options });
  stages.push(set);
  return set;
}

/** Connections that need the agent's node until the test says so. */
function keepOpen(agent: FakeAgent): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  agent.lingers = async (tell) => {
    tell(three);
    await promise;
  };
  return resolve;
}

async function listed(set: Stage): Promise<Migration[]> {
  return (await ask<{ migrations: Migration[] }>(set, 'List', {})).migrations;
}

/** A move from a to b that has got so far. */
async function lingering(set: Stage): Promise<{ id: string; ended: Promise<Migration>; close: () => void }> {
  const close = keepOpen(set.a);
  const ended = migrate(set);
  // Who does not look any further is no failure of the test's.
  ended.catch(() => {});
  await until('connections are told of', async () =>
    (await listed(set)).some(({ connections }) => connections !== null),
  );
  return { id: (await listed(set))[0]?.id ?? '', ended, close };
}

it('tells of the connections, and ends when none needs the source any more', async () => {
  const set = await newStage();
  const { id, ended, close } = await lingering(set);
  expect(await ask<Migration>(set, 'Get', { id })).toMatchObject({ phase: 'Completing', connections: three });
  expect(set.a.calls).not.toContain('ReleaseSource');
  const { port } = set.coordinator.metricsListen;
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(metrics).toContain('podferry_connections{state="kept"} 2');
  expect(metrics).toContain('podferry_connections{state="forwarded"} 1');
  close();
  const connections = { kept: 0, forwarded: 0, bytes: '4096', oldest_unix_ms: 0 };
  expect(await ended).toMatchObject({ phase: 'Succeeded', connections });
  expect(set.world.violations).toEqual([]);
});

it('does not keep the pod from moving on', async () => {
  const set = await newStage();
  const { ended, close } = await lingering(set);
  expect(await migrate(set, to('node-c'))).toMatchObject({ phase: 'Succeeded' });
  expect(set.world.placesOf()).toEqual(['node-c']);
  expect(set.a.sources.size).toBe(1);
  close();
  expect(await ended).toMatchObject({ phase: 'Succeeded' });
  expect([set.a.sources.size, set.b.sources.size, set.b.targets.size]).toEqual([0, 0, 0]);
  expect(set.world.violations).toEqual([]);
});

it('goes on when the pod comes back: its connections go round by way of where it was meanwhile', async () => {
  const set = await newStage();
  const { ended, close } = await lingering(set);
  expect(await migrate(set, to('node-a'))).toMatchObject({ phase: 'Succeeded' });
  expect(set.a.sources.size).toBe(1);
  close();
  expect(await ended).toMatchObject({ phase: 'Succeeded' });
  expect(set.world.placesOf()).toEqual(['node-a']);
  expect(set.world.violations).toEqual([]);
});

it('does not keep other pods of its nodes waiting', async () => {
  const set = await newStage({ settings: { maxPerNode: 1, maxTotal: 1 } });
  set.world.addPod('node-a', 'second');
  const { close } = await lingering(set);
  set.a.lingers = async () => {};
  const second = { ...toB, pod: { namespace: 'default', name: 'second' } };
  expect(await migrate(set, second)).toMatchObject({ phase: 'Succeeded' });
  expect(set.a.sources.size).toBe(1);
  close();
});

it('is ended by a cancel, and has succeeded then', async () => {
  const set = await newStage();
  const { id, ended } = await lingering(set);
  expect(await ask<Migration>(set, 'Cancel', { id })).toMatchObject({ phase: 'Completing', committed: true });
  expect(await ended).toMatchObject({ phase: 'Succeeded', outcome: null });
  expect(set.a.calls).toContain('ReleaseSource');
});

it('is waited for however often the agent goes away, as long as it comes back', async () => {
  const patience = { rollBackMs: 2_500, forwardMs: 700, firstPauseMs: 20, longestPauseMs: 50 };
  const set = await newStage({ patience });
  const { ended, close } = await lingering(set);
  for (let times = 1; times <= 3; times += 1) {
    const asked = set.a.calls.filter((name) => name === 'Linger').length;
    await set.a.restart();
    await until('it is asked again', () => set.a.calls.filter((name) => name === 'Linger').length > asked);
    await sleep(400);
  }
  close();
  expect(await ended).toMatchObject({ phase: 'Succeeded' });
});

it('is taken up by the next coordinator, which does not wait for it when it stops, either', async () => {
  const set = await newStage();
  const { id, close } = await lingering(set);
  await set.restartCoordinator();
  await until('it is waited for again', () => set.a.calls.filter((name) => name === 'Linger').length > 1);
  expect(await ask<Migration>(set, 'Get', { id })).toMatchObject({ phase: 'Completing' });
  await set.coordinator.close(60_000);
  expect(set.a.sources.size).toBe(1);
  await set.restartCoordinator();
  close();
  await until('nothing is left', () => set.a.sources.size + set.b.targets.size === 0);
  expect(set.world.violations).toEqual([]);
});

it('is over for whoever asked for the move, unless all is to be waited for', async () => {
  const set = await newStage();
  const close = keepOpen(set.a);
  const moved = await run(set, 'redis', '--to', 'node-b');
  expect(moved.code).toBe(0);
  expect(moved.out).toMatch(
    / Completing, moved in .*, 3 connections still go by way of node-a, for at most \S+ more\n$/,
  );
  const all = start(set, 'watch', (await listed(set))[0]?.id ?? '');
  close();
  const { code, out } = await all.ended;
  expect([code, out]).toEqual([0, expect.stringContaining('Succeeded')]);
  const closeB = keepOpen(set.b);
  const back = start(set, 'redis', '--to', 'node-c', '--wait', 'all', '--connection-linger', 'unlimited', '-o', 'json');
  await until('it lingers', () => set.b.calls.includes('Linger'));
  expect(back.child.exitCode).toBeNull();
  closeB();
  const ended = await back.ended;
  expect(ended.code).toBe(0);
  const connections = { kept: 0, forwarded: 0, bytes: 4096 };
  expect(JSON.parse(ended.out)).toMatchObject({ phase: 'Succeeded', network: 'translate', connections });
});

it('is settled of a node that is left', async () => {
  const set = await newStage();
  const close = keepOpen(set.a);
  const { code, out } = await run(set, 'node/node-a', '--to', 'node-b');
  expect(code).toBe(0);
  expect(out).toMatch(/default\/redis → node-b Succeeded, .*3 connections still go by way of node-a/);
  close();
});
