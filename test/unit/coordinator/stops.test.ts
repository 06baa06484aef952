/** Whoever wants a migration to end before its end: a cancel, a deadline, a client that goes away. At every step. */
import { afterAll, describe, expect, it } from 'vitest';
import { Fault } from '../../../proto/fault.ts';
import type { Migration__Output as Migration } from '../../../proto/gen/podferry/v1/Migration.ts';
import { isEnd, type Phase } from '../../../proto/phases.ts';
import { ask, migrate, type Stage, stage, toB } from './stage.ts';
import { until } from './until.ts';
import { callsAfterCommit, callsBeforeCommit, checkWorld, moveAndCheck } from './world-check.ts';

const stages: Stage[] = [];
afterAll(async () => {
  await Promise.all(stages.map((set) => set.close()));
});

async function newStage(): Promise<Stage> {
  const set = await stage();
  stages.push(set);
  return set;
}

async function running({ client }: Stage): Promise<Migration> {
  const { migrations } = await ask<{ migrations: Migration[] }>({ client }, 'List', {});
  if (migrations[0] === undefined) throw new Error('no migration is known');
  return migrations[0];
}

/** Does something when a call comes in, and only then lets the agent answer. */
function atCall(set: Stage, side: 'a' | 'b', call: string, act: () => Promise<void>): void {
  set[side].onCall = async (name) => {
    if (name === call) await act();
  };
}

describe.concurrent('cancel', { timeout: 20_000 }, () => {
  it.each(callsBeforeCommit)('%s %s: is rolled back', async (side, call) => {
    const set = await newStage();
    atCall(set, side, call, async () => {
      const { id } = await running(set);
      await ask(set, 'Cancel', { id });
    });
    expect(await moveAndCheck(set)).toMatchObject({ phase: 'RolledBack', reason: 'Cancelled' });
    expect([set.a.sources.size, set.b.targets.size]).toEqual([0, 0]);
  });

  const tooLate = [['a', 'Commit'], ...callsAfterCommit] as const;
  it.each(tooLate.filter(([, call]) => call !== 'Linger'))('%s %s: comes too late', async (side, call) => {
    const set = await newStage();
    let refused: unknown;
    atCall(set, side, call, async () => {
      const { id } = await running(set);
      refused = await ask(set, 'Cancel', { id }).catch((error: unknown) => error);
    });
    expect(await moveAndCheck(set)).toMatchObject({ phase: 'Succeeded' });
    expect(refused).toBeInstanceOf(Fault);
    expect(refused).toMatchObject({ reason: 'TooLate', cause: { code: 9 } });
  });

  it('is refused for one that has ended, and for one that never was', async () => {
    const set = await newStage();
    const { id } = await migrate(set);
    await expect(ask(set, 'Cancel', { id })).rejects.toMatchObject({ reason: 'TooLate' });
    await expect(ask(set, 'Cancel', { id: 'mig-unknown' })).rejects.toMatchObject({
      reason: 'MigrationNotFound',
      cause: { code: 5 },
    });
  });
});

describe.concurrent('deadline', { timeout: 20_000 }, () => {
  it.each(callsBeforeCommit)('%s %s: is rolled back when it takes too long', async (side, call) => {
    const set = await newStage();
    set[side].delays.set(call, 600);
    expect(await moveAndCheck(set, { timeout_ms: 400 })).toMatchObject({
      phase: 'RolledBack',
      reason: 'DeadlineExceeded',
    });
    expect([set.a.sources.size, set.b.targets.size]).toEqual([0, 0]);
  });

  it('ends with the commit', async () => {
    const set = await newStage();
    set.b.delays.set('Restore', 600);
    expect(await moveAndCheck(set, { timeout_ms: 400 })).toMatchObject({ phase: 'Succeeded' });
  });
});

async function leaveAt(set: Stage, side: 'a' | 'b', call: string, detach: boolean): Promise<Migration> {
  const gone = new AbortController();
  atCall(set, side, call, async () => {
    gone.abort();
    // Its going takes a moment to arrive.
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  const left = migrate(set, { ...toB, linger_ms: 0, detach }, (_event, leave) => {
    if (gone.signal.aborted) leave();
    gone.signal.addEventListener('abort', leave, { once: true });
  });
  await expect(left).rejects.toThrow(/cancel/i);
  await until('it has ended', async () => isEnd((await running(set)).phase as Phase));
  const { phase, outcome } = await running(set);
  checkWorld(set, { phase, reason: outcome?.reason, message: outcome?.message ?? '' });
  return await running(set);
}

describe.concurrent('a client that goes away', { timeout: 20_000 }, () => {
  it.each(callsBeforeCommit)('%s %s: rolls it back', async (side, call) => {
    const ended = await leaveAt(await newStage(), side, call, false);
    expect(ended).toMatchObject({ phase: 'RolledBack', outcome: { reason: 'ClientGone' } });
  });

  it.each(callsAfterCommit)('%s %s: changes nothing after the commit', async (side, call) => {
    expect(await leaveAt(await newStage(), side, call, false)).toMatchObject({ phase: 'Succeeded' });
  });

  it('changes nothing when it was detached', async () => {
    expect(await leaveAt(await newStage(), 'a', 'CopyAhead', true)).toMatchObject({ phase: 'Succeeded' });
  });
});
