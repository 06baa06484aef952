/** Memory that follows its pod: the source is waited for, and the target's word on how it ended counts. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { migrate, type Stage, stage, toB } from './stage.ts';

vi.setConfig({ testTimeout: 20_000 });

let set: Stage;
beforeEach(async () => {
  set = await stage();
});
afterEach(async () => {
  await set.close();
});

const byPostCopy = { ...toB, strategy: 'post_copy' } as const;
const ofSource = (calls: string[]) => calls.filter((name) => /^(PassTraffic|Follow|Linger|ReleaseSource)$/.test(name));

it('releases the source only when its memory has come, and counts it', async () => {
  const ended = await migrate(set, byPostCopy);
  expect(ended).toMatchObject({ phase: 'Succeeded', outcome: null });
  expect(ofSource(set.a.calls)).toEqual(['PassTraffic', 'Follow', 'Linger', 'ReleaseSource']);
  expect(ended.bytes_done).toBe(String(7 << 20));
  expect(set.world.violations).toEqual([]);
});

it('does not ask for it where all of it came with the freeze', async () => {
  await migrate(set);
  expect(ofSource(set.a.calls)).toEqual(['PassTraffic', 'Linger', 'ReleaseSource']);
});

it('asks again when the source is away for a while, and kills nothing meanwhile', async () => {
  set.a.spoil('Follow', 'dieBefore');
  expect(await migrate(set, byPostCopy)).toMatchObject({ phase: 'Succeeded' });
  expect(ofSource(set.a.calls).filter((name) => name === 'Follow').length).toBeGreaterThan(1);
  expect(set.world.violations).toEqual([]);
});

it('fails by name when the target has lost it, and the source goes all the same', async () => {
  set.a.sendsMemory = async (id) => {
    const entry = set.b.targets.get(id);
    if (entry !== undefined) entry.fault = { reason: 'MemoryLost', message: 'nothing came' };
  };
  const ended = await migrate(set, byPostCopy);
  expect(ended).toMatchObject({ phase: 'Failed', outcome: { reason: 'MemoryLost' }, committed: true });
  expect(ended.outcome?.message).toContain('its memory is lost');
  expect(ofSource(set.a.calls).at(-1)).toBe('ReleaseSource');
  expect(set.world.violations).toEqual([]);
});

it('fails by name when the source is gone for good, as soon as the target has given up', async () => {
  set.a.spoil('Follow', 'vanishBefore');
  const { b, world } = set;
  set.a.onCall = (name) => {
    if (name !== 'Follow') return;
    for (const [id, entry] of b.targets) {
      entry.fault = { reason: 'MemoryLost', message: 'nothing came' };
      world.truth(id).owed = false;
    }
  };
  const ended = await migrate(set, byPostCopy);
  expect(ended).toMatchObject({ phase: 'Failed', outcome: { reason: 'MemoryLost' }, committed: true });
  expect(world.violations).toEqual([]);
});
