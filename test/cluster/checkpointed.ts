/** Pods that are to leave a checkpoint, and what tells that they have not been touched. */
import { expect } from 'vitest';
import type { Lab } from '../lab/index.ts';
import { runKubectl } from '../lab/kubernetes/kubectl.ts';
import { repair } from '../integration/outage.ts';
import { fillRedis } from '../workloads/redis.ts';
import { filesOf, removeAll } from './checkpoints.ts';
import { expectNothingLeft } from './leftovers.ts';
import { barePod, container, deployment, execIn, type Placed, podSpec, thePodOf, type Workloads } from './workload.ts';

export async function redis(lab: Lab, workloads: Workloads, mb: number): Promise<Placed> {
  await workloads.make(deployment('redis', podSpec([container('redis')])));
  const placed = await thePodOf(lab, 'redis');
  await fillRedis(lab, placed.ip, mb);
  return placed;
}

export async function counter(lab: Lab, workloads: Workloads): Promise<Placed> {
  await workloads.make(barePod('counter', podSpec([container('counter')])));
  return await thePodOf(lab, 'counter');
}

/** The pod is the one that it was, and its containers were never started again. */
export async function expectUntouched(lab: Lab, { name, uid }: Placed): Promise<void> {
  const pod = JSON.parse(await runKubectl(lab, ['get', 'pod', name, '-o', 'json'])) as Placed['pod'];
  expect(pod.metadata?.uid).toBe(uid);
  expect(pod.status).toMatchObject({ phase: 'Running' });
  for (const { restartCount } of pod.status?.containerStatuses ?? []) expect(restartCount).toBe(0);
}

/** Of a Redis: another one with every start. */
export async function runIdOf(lab: Lab, pod: string): Promise<string> {
  return /run_id:\w+/.exec(await execIn(lab, pod, ['redis-cli', 'info', 'server']))?.[0] ?? '';
}

export async function podNames(lab: Lab): Promise<string[]> {
  return (await runKubectl(lab, ['get', 'pods', '-o', 'name'])).trim().split('\n').filter(Boolean).sort();
}

/** Nor are there files. */
export async function expectNoTrace(lab: Lab): Promise<void> {
  await expectNothingLeft(lab);
  expect(filesOf(lab)).toEqual([]);
}

/** After a test, however far it came. */
export async function clear(lab: Lab, workloads: Workloads): Promise<void> {
  await repair(lab);
  await runKubectl(lab, ['delete', 'podmigrations', '--all', '--timeout=60s']);
  await removeAll(lab);
  await workloads.remove();
  await expectNoTrace(lab);
}
