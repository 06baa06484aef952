/** Whatever fails while a checkpoint is taken, or a copy started: the pod runs on, and nothing is left of the try. */
import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { idOf } from '../../coordinator/checkpoint/pod-checkpoint.ts';
import { open } from '../lab/index.ts';
import { runKubectl } from '../lab/kubernetes/kubectl.ts';
import { otherThan } from '../integration/migrate.ts';
import { Part } from '../integration/outage.ts';
import { clear, counter, expectNoTrace, expectUntouched, podNames, redis, runIdOf } from './checkpointed.ts';
import { askFor, endOf, kubectlCheckpoint, objectOf, sideIs, startCopies } from './checkpoints.ts';
import { expectNothingLeft } from './leftovers.ts';
import { execIn, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);

afterEach(async () => await clear(lab, workloads));

describe('a checkpoint fails when', () => {
  it.each(['Prepared', 'Frozen'] as const)(
    'the agent is killed while the source is %s: the pod runs on',
    async (step) => {
      const placed = await redis(lab, workloads, 60);
      const agent = await Part.agent(lab, placed.node);
      await askFor(lab, 'cut', { sourcePod: { name: placed.name } });
      await sideIs(lab, placed.node, 'source', step);
      agent.kill();
      await agent.startAgain();
      const { status } = await endOf(lab, 'cut', 'CheckpointFailed');
      expect(status?.reason).toBe('AgentUnreachable');
      expect(status?.checkpointLocation).toBeUndefined();
      await expectUntouched(lab, placed);
      await execIn(lab, placed.name, ['redis-cli', 'set', 'after', 'it']);
      await expectNoTrace(lab);
    },
  );

  it('the coordinator is killed in the midst of it: it is taken back', async () => {
    const placed = await redis(lab, workloads, 60);
    const coordinator = await Part.coordinator(lab);
    await askFor(lab, 'orphan', { sourcePod: { name: placed.name } });
    await sideIs(lab, placed.node, 'source', 'Frozen');
    coordinator.kill();
    await coordinator.startAgain();
    const { status } = await endOf(lab, 'orphan', 'CheckpointFailed');
    expect(status?.reason).toBe('CoordinatorRestarted');
    await expectUntouched(lab, placed);
    await expectNoTrace(lab);
  });

  it('it is deleted while it is under way: nothing is left', async () => {
    const placed = await redis(lab, workloads, 60);
    await askFor(lab, 'regretted', { sourcePod: { name: placed.name } });
    await sideIs(lab, placed.node, 'source', 'Prepared');
    await runKubectl(lab, ['delete', 'pcp', 'regretted', '--timeout=60s']);
    await expectUntouched(lab, placed);
    await expectNoTrace(lab);
  });
});

describe('a copy fails when', () => {
  it('somebody has written to its files: no copy begins there', async () => {
    const placed = await counter(lab, workloads);
    const { object } = await kubectlCheckpoint(lab, placed.name, '--name', 'spoilt');
    const id = idOf(await objectOf(lab, 'spoilt'));
    const directory = join(lab.layout.nfs, 'checkpoints', id);
    expect(object?.location).toContain(id);
    const refused = async () => {
      const { stderr, object: copies } = await startCopies(lab, 'spoilt');
      const reason = copies?.[0]?.reason ?? /error: (\w+)/.exec(stderr)?.[1];
      expect(await podNames(lab)).toEqual([`pod/${placed.name}`]);
      await expectNothingLeft(lab);
      return reason;
    };
    const largest =
      readdirSync(directory)
        .filter((name) => /^segment-\d+$/.test(name))
        .sort()
        .at(-1) ?? '';
    // In the midst of what CRIU would restore; found when it is copied, after the pod was made.
    truncateSync(join(directory, largest), 1_000);
    expect(await refused()).toBe('VerifyFailed');
    writeFileSync(join(directory, 'checkpoint.json'), '{"form":1,"segments":[]}');
    expect(await refused()).toBe('VerifyFailed');
  });

  it('the coordinator is killed while a copy waits: it is taken back', async () => {
    const placed = await redis(lab, workloads, 60);
    expect((await kubectlCheckpoint(lab, placed.name, '--name', 'base')).code).toBe(0);
    const coordinator = await Part.coordinator(lab);
    const copies = startCopies(lab, 'base', '--to', otherThan(placed.node));
    await expect.poll(async () => (await podNames(lab)).length, { timeout: 20_000, interval: 20 }).toBe(2);
    coordinator.kill();
    await coordinator.startAgain();
    expect((await copies).code).toBe(4);
    await expect
      .poll(async () => await podNames(lab), { timeout: 60_000, interval: 200 })
      .toEqual([`pod/${placed.name}`]);
    await expectUntouched(lab, placed);
    await expectNothingLeft(lab);
  });

  it('its node’s agent is killed before its go: it is taken back', async () => {
    const placed = await redis(lab, workloads, 60);
    const target = otherThan(placed.node);
    expect((await kubectlCheckpoint(lab, placed.name, '--name', 'base')).code).toBe(0);
    const agent = await Part.agent(lab, target);
    const copies = startCopies(lab, 'base', '--to', target);
    await sideIs(lab, target, 'target', 'Waiting');
    agent.kill();
    await agent.startAgain();
    const { code, object } = await copies;
    expect([code, object?.[0]?.phase, object?.[0]?.reason]).toEqual([1, 'RolledBack', 'AgentUnreachable']);
    expect(await podNames(lab)).toEqual([`pod/${placed.name}`]);
    await expectUntouched(lab, placed);
    await expectNothingLeft(lab);
  });
});

it('a copy that has its go runs, though the coordinator is killed: the next one finishes it', async () => {
  const placed = await redis(lab, workloads, 30);
  const runId = await runIdOf(lab, placed.name);
  expect((await kubectlCheckpoint(lab, placed.name, '--name', 'base')).code).toBe(0);
  const coordinator = await Part.coordinator(lab);
  const target = otherThan(placed.node);
  const copies = startCopies(lab, 'base', '--to', target);
  await sideIs(lab, target, 'target', 'Going');
  coordinator.kill();
  await coordinator.startAgain();
  await copies;
  await expectNothingLeft(lab);
  const copy = (await podNames(lab)).find((name) => name !== `pod/${placed.name}`) ?? '';
  await runKubectl(lab, ['wait', '--for=condition=Ready', copy, '--timeout=30s']);
  expect(await runIdOf(lab, copy.replace('pod/', ''))).toBe(runId);
  await expectUntouched(lab, placed);
});
