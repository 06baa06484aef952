/**
 * Every way to fail, at every step. Whatever happens, the pod never runs twice and is never lost: it ends in exactly one
 * place, or Failed because the proof of where is missing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { type Mishap, mishaps } from './fake-agent.ts';
import { type Stage, stage } from './stage.ts';
import { until } from './until.ts';
import { callsAfterCommit, callsBeforeCommit, freezeTimeoutMs, moveAndCheck, type Result } from './world-check.ts';

const stages: Stage[] = [];
afterAll(async () => {
  await Promise.all(stages.map((set) => set.close()));
});

async function run(prepare: (set: Stage) => void): Promise<{ set: Stage; result: Result }> {
  const set = await stage();
  stages.push(set);
  prepare(set);
  return { set, result: await moveAndCheck(set) };
}

describe.concurrent('before the commit', { timeout: 20_000 }, () => {
  const comesBack = mishaps.filter((mishap) => !mishap.startsWith('vanish'));
  for (const [side, call] of callsBeforeCommit) {
    it.each(comesBack)(`${call}: %s ends rolled back, with nothing left`, async (mishap) => {
      const { set, result } = await run((set) => set[side].spoil(call, mishap));
      expect(result.phase).toBe('RolledBack');
      expect(result.message).toContain('The pod runs on at node-a');
      expect([set.a.sources.size, set.b.targets.size]).toEqual([0, 0]);
    });
  }

  it.each(callsBeforeCommit.filter(([side]) => side === 'b'))(
    '%s %s: a target that vanishes is rolled back without it',
    async (side, call) => {
      const { set, result } = await run((set) => set[side].spoil(call, 'vanishAfter'));
      expect(result).toMatchObject({ phase: 'RolledBack', reason: 'AgentUnreachable' });
      expect(result.message).toContain('node-b could not be asked to remove what it had prepared');
      expect(set.a.sources.size).toBe(0);
    },
  );

  it.each(callsBeforeCommit.filter(([side]) => side === 'a'))(
    '%s %s: a source that vanishes leaves no proof',
    async (side, call) => {
      const { set, result } = await run((set) => set[side].spoil(call, 'vanishAfter'));
      expect(result.phase).toBe('Failed');
      expect(result.message).toContain('thaws by itself');
      expect(set.b.targets.size).toBe(0);
      await sleep(freezeTimeoutMs);
      expect(set.world.placesOf()).toEqual(['node-a']);
    },
  );

  it('says the first fault, not what rolling back met', async () => {
    const { result } = await run(({ a, b }) => {
      a.spoil('FreezeAndSend', 'refuseAfter');
      a.spoil('RollBackSource', 'loseReply', 3);
      b.spoil('DiscardTarget', 'refuse', 2);
    });
    expect(result).toMatchObject({ phase: 'RolledBack', reason: 'DumpFailed' });
  });

  it('refuses with all reasons at once, and touches nothing', async () => {
    const { set, result } = await run(({ a, b }) => {
      a.refusals.source = [{ reason: 'TerminalAttached', message: 'container main has a TTY' }];
      b.refusals.target = [{ reason: 'ImageMissing', message: 'no image redis' }];
    });
    expect(result).toMatchObject({ phase: 'Refused', reason: 'TerminalAttached' });
    expect(result.message).toContain('container main has a TTY');
    expect(result.message).toContain('no image redis');
    expect([...set.a.calls, ...set.b.calls]).not.toContain('PrepareTarget');
  });
});

describe.concurrent('the commit', { timeout: 20_000 }, () => {
  const expected: Record<Mishap, string> = {
    refuse: 'RolledBack',
    refuseAfter: 'Succeeded',
    loseRequest: 'RolledBack',
    loseReply: 'Succeeded',
    hangBefore: 'RolledBack',
    hangAfter: 'Succeeded',
    dieBefore: 'RolledBack',
    dieAfter: 'Succeeded',
    vanishBefore: 'Failed',
    vanishAfter: 'Failed',
  };
  it.each(mishaps)('%s: the source’s journal alone decides', async (mishap) => {
    const { result } = await run(({ a }) => a.spoil('Commit', mishap));
    expect(result.phase).toBe(expected[mishap]);
    if (result.phase === 'Failed') expect(result.message).toContain('not known whether node-a has committed');
  });

  it('comes too late for a source whose watchdog was first', async () => {
    const { set, result } = await run(({ a }) => a.delays.set('FreezeAndSend', freezeTimeoutMs + 100));
    expect(result.phase).toBe('RolledBack');
    expect(set.a.sources.size).toBe(0);
  });
});

describe.concurrent('after the commit', { timeout: 20_000 }, () => {
  const comesBack = mishaps.filter((mishap) => !mishap.startsWith('vanish'));
  for (const [side, call] of callsAfterCommit) {
    it.each(comesBack)(`${call}: %s is asked again until it succeeds`, async (mishap) => {
      const { result } = await run((set) => set[side].spoil(call, mishap));
      expect(result.phase).toBe('Succeeded');
    });
  }

  it.each(['vanishBefore', 'vanishAfter'] as const)('Restore: %s leaves the source frozen', async (mishap) => {
    const { set, result } = await run(({ b }) => b.spoil('Restore', mishap));
    expect(result.phase).toBe('Failed');
    expect(result.message).toContain('not known whether the pod runs on node-b');
    expect(set.world.placesOf()).toEqual(mishap === 'vanishAfter' ? ['node-b'] : []);
    expect(set.a.sources.values().next().value?.step).toBe('Committed');
  });

  it.each(callsAfterCommit.slice(1))('%s %s: who vanishes is removed later, the pod runs', async (side, call) => {
    const { set, result } = await run((set) => set[side].spoil(call, 'vanishBefore'));
    const reason = call === 'PassTraffic' ? 'CutOverFailed' : 'ReleaseFailed';
    expect(result).toMatchObject({ phase: 'Failed', reason });
    expect(set.world.placesOf()).toEqual(['node-b']);
    await set[side].start();
    await until('nothing is left', () => set.a.sources.size + set.b.targets.size === 0);
    expect(set.world.violations).toEqual([]);
  });

  it('tries a failed restore once more', async () => {
    const { result } = await run(({ b }) => {
      b.failingRestores = 1;
    });
    expect(result.phase).toBe('Succeeded');
  });

  it('thaws the source when the target has proven that it runs nothing', async () => {
    const { set, result } = await run(({ b }) => {
      b.failingRestores = 2;
    });
    expect(result).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed' });
    expect(result.message).toContain('the pod runs on at node-a');
    expect(result.message).toContain('CRIU says no');
    expect(result.message).toMatch(/kept in \/kept\/mig-/);
    expect(set.world.placesOf()).toEqual(['node-a']);
    expect([set.a.sources.size, set.b.targets.size]).toEqual([0, 0]);
  });

  it.each(mishaps.filter((mishap) => !mishap.startsWith('vanish')))(
    'a revoke that goes wrong (%s) still ends at the source',
    async (mishap) => {
      const { set, result } = await run(({ a, b }) => {
        b.failingRestores = 2;
        a.spoil('Revoke', mishap);
      });
      expect(result).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed' });
      expect(set.world.placesOf()).toEqual(['node-a']);
    },
  );

  it('discards a target that refuses every go, for the proof, and thaws the source', async () => {
    const { set, result } = await run(({ b }) => b.spoil('Restore', 'refuse', 100));
    expect(result).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed' });
    expect(set.world.placesOf()).toEqual(['node-a']);
  });

  it('keeps the source frozen when it cannot be asked to thaw, and thaws it when it can', async () => {
    const { set, result } = await run(({ a, b }) => {
      b.failingRestores = 2;
      a.spoil('Revoke', 'vanishBefore');
    });
    expect(result).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed' });
    expect(set.world.placesOf()).toEqual([]);
    await set.a.start();
    await until('it runs at the source', () => set.world.placesOf().includes('node-a'));
    expect(set.world.violations).toEqual([]);
  });
});
