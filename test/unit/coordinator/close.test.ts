/** A coordinator that is told to stop: nothing new, nothing half. */
import { expect, it, vi } from 'vitest';
import { migrate, stage } from './stage.ts';
import { until } from './until.ts';

vi.setConfig({ testTimeout: 20_000 });

it('rolls back what is not committed', async () => {
  const set = await stage();
  set.b.delays.set('CreateTargetPod', 200);
  const moving = migrate(set);
  await until('it is under way', () => set.b.calls.includes('CreateTargetPod'));
  await set.coordinator.close(2_000);
  expect(await moving).toMatchObject({ phase: 'RolledBack', outcome: { reason: 'CoordinatorRestarted' } });
  expect([set.a.sources.size, set.b.targets.size]).toEqual([0, 0]);
  for (const agent of set.agents) agent.close();
});

it('finishes what is committed, and takes nothing new meanwhile', async () => {
  const set = await stage();
  set.world.addPod('node-a', 'second');
  set.b.delays.set('Restore', 200);
  const moving = migrate(set);
  await until('it is committed', () => set.b.calls.includes('Restore'));
  const closing = set.coordinator.close(2_000);
  const late = { pod: { namespace: 'default', name: 'second' }, target_node: 'node-b' };
  await expect(migrate(set, late)).rejects.toMatchObject({ reason: 'NodeNotReady' });
  expect(await moving).toMatchObject({ phase: 'Succeeded' });
  await closing;
  for (const agent of set.agents) agent.close();
});
