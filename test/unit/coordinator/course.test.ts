/** A migration from request to end, with nothing in its way. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { migrate, type Stage, stage } from './stage.ts';

vi.setConfig({ testTimeout: 20_000 });

const asides = ['Facts', 'ListPods', 'ListMigrations'];
const course = (calls: string[]) => calls.filter((name) => !asides.includes(name));

let set: Stage;
beforeEach(async () => {
  set = await stage();
});
afterEach(async () => {
  await set.close();
});

it('moves a pod, step by step in the order of the protocol', async () => {
  const ended = await migrate(set);
  expect(ended).toMatchObject({ phase: 'Succeeded', outcome: null, committed: true, target_ip: '10.1.2.3' });
  expect(set.world.placesOf()).toEqual(['node-b']);
  expect(set.world.violations).toEqual([]);
  expect(course(set.a.calls)).toEqual([
    'PreflightSource',
    'PrepareSource',
    'CopyAhead',
    'Arm',
    'FreezeAndSend',
    'Commit',
    'PassTraffic',
    'Linger',
    'ReleaseSource',
  ]);
  expect(course(set.b.calls)).toEqual([
    'PreflightTarget',
    'PrepareTarget',
    'CreateTargetPod',
    'Restore',
    'FinishTarget',
  ]);
});

it('tells every phase with its time, the freeze, and the bytes', async () => {
  const { phases, freeze_ms, total_ms, bytes_done, moments } = await migrate(set);
  expect(phases.map(({ phase }) => phase)).toEqual([
    'Pending',
    'Preparing',
    'PreCopying',
    'Freezing',
    'Dumping',
    'Transferring',
    'Restoring',
    'CuttingOver',
    'Completing',
  ]);
  expect(phases.reduce((sum, { duration_ms }) => sum + duration_ms, 0)).toBeCloseTo(total_ms, 3);
  expect(freeze_ms).toBeGreaterThanOrEqual(0);
  expect(moments.map(({ name }) => name)).toEqual(expect.arrayContaining(['frozen', 'committed', 'running']));
  expect(bytes_done).toBe(String(3 << 20));
});
