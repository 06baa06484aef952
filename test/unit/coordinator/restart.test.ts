/** A coordinator that is killed, at every step: the next one knows nothing and carries on from the agents' journals. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Migration__Output as Migration } from '../../../proto/gen/podferry/v1/Migration.ts';
import { type CallName, type Mishap, mishaps } from './fake-agent.ts';
import { ask, migrate, type Stage, stage, toB } from './stage.ts';
import { until } from './until.ts';
import { calls, callsAfterCommit, callsBeforeCommit, moveAndCheck } from './world-check.ts';

const stages: Stage[] = [];
afterAll(async () => {
  await Promise.all(stages.map((set) => set.close()));
});

async function newStage(): Promise<Stage> {
  const set = await stage();
  stages.push(set);
  return set;
}

/** Kills the coordinator at a call: before the agent does what was asked, or after that and before it says so. */
async function killAt(set: Stage, side: 'a' | 'b', call: string, when: 'before' | 'after'): Promise<void> {
  const killed = Promise.withResolvers<void>();
  set[side][when === 'before' ? 'onCall' : 'onDone'] = async (name) => {
    if (name !== call) return;
    set[side].onCall = () => {};
    set[side].onDone = () => {};
    const restarted = set.restartCoordinator();
    killed.resolve(restarted);
    await restarted;
  };
  migrate(set, { ...toB, freeze_timeout_ms: 2_000, linger_ms: 0, detach: true }).catch(() => {});
  await killed.promise;
}

/** Until nothing is left of any migration; those that vanished come back. */
async function settled(set: Stage): Promise<void> {
  await until('nothing is left', async () => {
    await Promise.all(set.agents.filter((agent) => agent.vanished).map((agent) => agent.start()));
    if (set.a.sources.size + set.b.targets.size > 0) return false;
    return (await list(set, { running_only: true })).length === 0;
  });
  expect(set.world.violations).toEqual([]);
  expect(set.world.placesOf()).toHaveLength(1);
}

async function list(set: Pick<Stage, 'client'>, request: object): Promise<Migration[]> {
  return (await ask<{ migrations: Migration[] }>(set, 'List', request)).migrations;
}

describe.concurrent('killed before the commit', () => {
  for (const when of ['before', 'after'] as const) {
    it.each(callsBeforeCommit)(
      `${when} %s %s: the pod runs on at the source`,
      { timeout: 30_000 },
      async (side, call) => {
        const set = await newStage();
        await killAt(set, side, call, when);
        await settled(set);
        expect(set.world.placesOf()).toEqual(['node-a']);
        // Whoever asks is told how it ended, and the pod can move again.
        expect(await moveAndCheck(set)).toMatchObject({ phase: 'Succeeded' });
      },
    );
  }
});

describe.concurrent('killed after the commit', () => {
  it('after a Commit: the next one goes forward', { timeout: 30_000 }, async () => {
    const set = await newStage();
    await killAt(set, 'a', 'Commit', 'after');
    await settled(set);
    expect(set.world.placesOf()).toEqual(['node-b']);
  });

  it.each(callsAfterCommit)('after %s %s: the pod runs at the target', { timeout: 30_000 }, async (side, call) => {
    const set = await newStage();
    await killAt(set, side, call, 'after');
    await settled(set);
    expect(set.world.placesOf()).toEqual(['node-b']);
    for (const { phase } of await list(set, {})) expect(phase).toBe('Succeeded');
  });
});

it('finds an agent that is absent when it starts as soon as that comes', { timeout: 30_000 }, async () => {
  const set = await newStage();
  set.b.spoil('Restore', 'vanishBefore');
  expect(await moveAndCheck(set)).toMatchObject({ phase: 'Failed' });
  await set.restartCoordinator();
  expect(set.world.placesOf()).toEqual([]);
  await set.b.start();
  await settled(set);
  expect(set.world.placesOf()).toEqual(['node-b']);
});

it('does not let a pod in the middle of a migration be moved by another one', { timeout: 30_000 }, async () => {
  const set = await newStage();
  set.b.spoil('Restore', 'vanishBefore');
  await moveAndCheck(set);
  await set.restartCoordinator();
  await expect(migrate(set)).rejects.toMatchObject({ reason: 'MigrationInProgress' });
});

/** The same ones each time: a test that fails once has to fail again. */
function* pairs(count: number): Generator<[number, 'a' | 'b', CallName, Mishap, 'a' | 'b', CallName, Mishap]> {
  let seed = 20260726;
  const pick = <T>(from: readonly T[]): T => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return from[Math.floor((seed / 2_147_483_648) * from.length)] as T;
  };
  const undos = [
    ['a', 'RollBackSource'],
    ['b', 'DiscardTarget'],
    ['a', 'ListMigrations'],
    ['b', 'ListMigrations'],
    ['a', 'Revoke'],
  ] as const;
  for (let i = 0; i < count; i += 1) {
    const [side, call] = pick(calls);
    const [otherSide, otherCall] = pick([...calls, ...undos]);
    yield [i, side, call, pick(mishaps), otherSide, otherCall, pick(mishaps)];
  }
}

describe.concurrent('two faults at once', () => {
  it.each([...pairs(40)])(
    '%i: %s %s %s, %s %s %s',
    { timeout: 30_000 },
    async (_i, side, call, mishap, otherSide, otherCall, otherMishap) => {
      const set = await newStage();
      set[side].spoil(call, mishap);
      if (side !== otherSide || call !== otherCall) set[otherSide].spoil(otherCall, otherMishap);
      const { phase } = await moveAndCheck(set);
      expect(phase).toMatch(/Succeeded|RolledBack|Failed/);
      await settled(set);
    },
  );
});
