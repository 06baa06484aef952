/** A Deployment's Redis, behind a ClusterIP, moves under a client on the other node that never stops writing. */
import { afterEach, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { contentOf, fillRedis, RunningWriter } from '../workloads/redis.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { expectNothingLeft } from './leftovers.ts';
import {
  clusterIpOf,
  container,
  deployment,
  execIn,
  podsOf,
  podSpec,
  service,
  thePodOf,
  Workloads,
} from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);

afterEach(async () => await workloads.remove());

const moves = 10;

it(`${moves} times: nothing is lost, its ReplicaSet notices nothing, nothing is left`, {
  timeout: 300_000,
}, async () => {
  await workloads.make(deployment('redis', podSpec([container('redis')])), service('redis', 6379));
  let placed = await thePodOf(lab, 'redis');
  const first = placed.pod;
  const data = await fillRedis(lab, placed.ip, 2);
  const runId = async () => /run_id:\w+/.exec(await execIn(lab, placed.name, ['redis-cli', 'info', 'server']))?.[0];
  const id = await runId();
  const address = await clusterIpOf(lab, 'redis');
  const writer = await RunningWriter.start(lab, address, { place: otherThan(placed.node) });
  for (let at = 0; at < moves; at += 1) {
    const target = otherThan(placed.node);
    const { code, stderr, migration } = await kubectlMigrate(lab, placed.name, '--to', target);
    expect(code, stderr).toBe(0);
    expect(migration).toMatchObject({ phase: 'Succeeded' });
    const moved = await thePodOf(lab, 'redis');
    expect(moved.node).toBe(target);
    expect(moved.uid).not.toBe(placed.uid);
    expect(moved.pod.metadata?.labels).toEqual(first.metadata?.labels);
    expect(moved.pod.metadata?.ownerReferences).toEqual(first.metadata?.ownerReferences);
    expect(moved.pod.status?.containerStatuses).toMatchObject([{ restartCount: 0, ready: true }]);
    placed = moved;
  }
  const { acked, lost } = await writer.finish();
  expect(acked).toBeGreaterThan(moves * 100);
  expect(lost).toBe(0);
  expect(await runId()).toBe(id);
  expect(await contentOf(lab, placed.ip, 'w:')).toEqual(data);
  expect(await podsOf(lab, 'redis')).toHaveLength(1);
  await expectNothingLeft(lab);
});

it('finds a node by itself, and its clients are told by the Service where it is', async () => {
  await workloads.make(deployment('redis', podSpec([container('redis')])), service('redis', 6379));
  const placed = await thePodOf(lab, 'redis');
  const { code, stderr } = await kubectlMigrate(lab, placed.name);
  expect(code, stderr).toBe(0);
  const moved = await thePodOf(lab, 'redis');
  expect(moved.node).not.toBe(placed.node);
  const address = await clusterIpOf(lab, 'redis');
  const said = await lab.run(placed.node, ['timeout', '5', 'redis-cli', '-h', address, 'ping']);
  expect(said).toBe('PONG\n');
});
