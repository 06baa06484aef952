/**
 * A StatefulSet's pod has no way back once its object is deleted. Whatever fails then, it runs on, in one place, with all
 * that was acknowledged, until it has moved; and if nothing can move it, its set gets a new one in the end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open, runKubectl } from '../lab/index.ts';
import { kubectl } from '../lab/kubernetes/kubectl.ts';
import { startCoordinator, stopCoordinator } from '../lab/services.ts';
import { otherThan } from '../integration/migrate.ts';
import { Part } from '../integration/outage.ts';
import { Subject } from './subject.ts';
import { barePod, container, podsOf, podSpec, statefulSet, thePodOf } from './workload.ts';

const lab = open();
let subject: Subject;

beforeEach(async () => {
  subject = await Subject.start(lab, statefulSet);
});

afterEach(async () => await subject.end());

/** Resolves when the source's object is gone. */
async function detached(): Promise<void> {
  const uids = async () => (await podsOf(lab, 'redis')).map(({ metadata }) => metadata?.uid);
  await expect.poll(uids, { timeout: 20_000, interval: 20 }).not.toContain(subject.placed.uid);
}

it('has no cold twin when the coordinator is killed right after the object is gone', async () => {
  const coordinator = await Part.coordinator(lab);
  const target = otherThan(subject.placed.node);
  const goOn = await subject.suspend(target, `${target}.kubelet`);
  const attempt = subject.move();
  await detached();
  coordinator.kill();
  // It may have made the target's already.
  await runKubectl(lab, ['delete', 'pod', 'redis-0', '--grace-period=0', '--force', '--ignore-not-found']);
  await sleep(5_000);
  expect(await podsOf(lab, 'redis')).toEqual([]);
  const twin = JSON.stringify(barePod('redis-0', podSpec([container('redis')])));
  const { code, stderr } = await kubectl(lab, ['create', '-f', '-'], { stdin: twin });
  expect([code, stderr]).toEqual([1, expect.stringContaining('pod redis-0 runs on while it is moved by PodMigration')]);
  goOn();
  await coordinator.startAgain();
  expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
  await subject.movedToTarget();
});

it('is moved by the next try when the target’s agent is killed while its pod waits', async () => {
  const agent = await Part.agent(lab, otherThan(subject.placed.node));
  const attempt = subject.move();
  await attempt.target('Waiting');
  agent.kill();
  await agent.startAgain();
  expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
  await subject.movedToTarget();
});

describe('Kubernetes and people', () => {
  it('have no kubelet on the target for longer than a migration may take: it is not taken back, it goes on', async () => {
    const target = otherThan(subject.placed.node);
    const goOn = await subject.suspend(target, `${target}.kubelet`);
    const attempt = subject.move('--timeout', '3s');
    await detached();
    await sleep(5_000);
    goOn();
    expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
    await subject.movedToTarget();
  });

  it('delete the target while it waits: the next try moves it', async () => {
    const coordinator = await Part.coordinator(lab);
    const attempt = subject.move();
    await attempt.target('Waiting');
    coordinator.signal('SIGSTOP');
    await runKubectl(lab, ['delete', 'pod', 'redis-0', '--wait=false']);
    await sleep(500);
    coordinator.signal('SIGCONT');
    expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
    await subject.movedToTarget();
  });

  it('cancel when it is too late: that is said, and it goes on', async () => {
    const target = otherThan(subject.placed.node);
    const goOn = await subject.suspend(target, `${target}.kubelet`);
    const attempt = subject.move();
    await detached();
    attempt.signal('SIGINT');
    await sleep(500);
    goOn();
    const moved = async () => (await thePodOf(lab, 'redis')).node;
    expect(await moved()).toBe(target);
    await subject.movedToTarget();
  });
});

it('is moved when the target’s agent comes back, though nobody had patience with it any more', async () => {
  await stopCoordinator(lab);
  await startCoordinator(lab, { args: ['--rollback-timeout', '1s'] });
  try {
    const agent = await Part.agent(lab, otherThan(subject.placed.node));
    const attempt = subject.move();
    await attempt.target('Waiting');
    agent.kill();
    await sleep(12_000);
    await agent.startAgain();
    expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
    await subject.movedToTarget();
  } finally {
    await stopCoordinator(lab);
    await startCoordinator(lab);
  }
});

it('runs on and serves, though the kubelet of its node gives up to end it and begins anew', {
  timeout: 300_000,
}, async () => {
  const target = otherThan(subject.placed.node);
  const goOn = await subject.suspend(target, `${target}.kubelet`);
  const attempt = subject.move();
  await detached();
  // StopContainer has two minutes; after it the sandbox is to be stopped.
  await sleep(150_000);
  expect(await lab.run(target, ['timeout', '5', 'redis-cli', '-h', subject.placed.ip, 'ping'])).toBe('PONG\n');
  goOn();
  expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
  await subject.movedToTarget();
  // It was given up for lost meanwhile, and has to take pods again.
  const taints = ['get', 'node', target, '-o', 'jsonpath={.spec.taints[*].key}'];
  await expect.poll(async () => await runKubectl(lab, taints), { timeout: 60_000 }).toBe('');
});

it('ends with its StatefulSet, should that be deleted meanwhile', async () => {
  const target = otherThan(subject.placed.node);
  const goOn = await subject.suspend(target, `${target}.kubelet`);
  const attempt = subject.move();
  await detached();
  await runKubectl(lab, ['delete', 'statefulset', 'redis', '--wait=false']);
  goOn();
  const { migration } = await attempt.ended;
  expect(migration).toMatchObject({ phase: 'Failed', committed: false });
  await expect.poll(async () => await podsOf(lab, 'redis'), { timeout: 30_000 }).toEqual([]);
  expect((await lab.exec(subject.placed.node, ['pgrep', '-x', 'redis-server'])).stdout).toBe('');
});

it('gets a new pod when nothing has moved it in the time that there was', async () => {
  const target = otherThan(subject.placed.node);
  await stopCoordinator(lab);
  await startCoordinator(lab, { args: ['--held-timeout', '3s', '--rollback-timeout', '2s'] });
  try {
    const agent = await Part.agent(lab, target);
    const attempt = subject.move();
    await detached();
    agent.kill();
    const { migration } = await attempt.ended;
    await agent.startAgain();
    expect(migration).toMatchObject({ phase: 'Failed', committed: false });
    expect(migration?.message).toMatch(/makes it anew, without its memory/);
    const { pod } = await thePodOf(lab, 'redis', 90_000);
    expect(pod.metadata?.uid).not.toBe(subject.placed.uid);
  } finally {
    await stopCoordinator(lab);
    await startCoordinator(lab);
  }
});
