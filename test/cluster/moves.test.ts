/** A Redis behind a ClusterIP moves under a client on the other node that never stops writing, whoever owns its pod. */
import type { V1EndpointSlice } from '@kubernetes/client-node';
import { afterEach, expect, it } from 'vitest';
import { open, runKubectl } from '../lab/index.ts';
import { contentOf, fillRedis, RunningWriter } from '../workloads/redis.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { expectNothingLeft } from './leftovers.ts';
import {
  clusterIpOf,
  container,
  deployment,
  execIn,
  podSpec,
  podsOf,
  service,
  statefulSet,
  thePodOf,
  Workloads,
} from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);

afterEach(async () => await workloads.remove());

const moves = 6;

/** Slices that the endpoints' own controller has not made. */
async function ownSlices(): Promise<V1EndpointSlice[]> {
  const ours = ['-l', 'endpointslice.kubernetes.io/managed-by=podferry.dev'];
  return (JSON.parse(await runKubectl(lab, ['get', 'endpointslices', ...ours, '-o', 'json'])) as { items: [] }).items;
}

it.each([
  ['Deployment', deployment, /^redis-[a-z0-9]+-[a-z0-9]+$/],
  // The same name each time.
  ['StatefulSet', statefulSet, /^redis-0$/],
])(
  `a %s’s, ${moves} times: nothing is lost, its owner notices nothing, nothing is left`,
  {
    timeout: 400_000,
  },
  async (_, owned, names) => {
    await workloads.make(owned('redis', podSpec([container('redis')])), service('redis', 6379));
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
      expect(moved.name).toMatch(names);
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
    expect((await execIn(lab, placed.name, ['hostname'])).trim()).toBe(first.metadata?.name);
    expect(await contentOf(lab, placed.ip, 'w:')).toEqual(data);
    expect(await podsOf(lab, 'redis')).toHaveLength(1);
    expect(await ownSlices()).toEqual([]);
    await expectNothingLeft(lab);
  },
);

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
