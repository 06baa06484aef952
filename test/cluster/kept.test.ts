/**
 * Open connections through a Service survive the moves of its pod, and nothing of what goes over them is lost, doubled or
 * changed: kubelet, kube-proxy and controllers have a say in when a source goes, and none in what its clients see.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Container } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Addresses } from '../clients/addresses.ts';
import { errorsOf, OpenClients } from '../clients/open-clients.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { type ContainerSpec, type NodeName, open } from '../lab/index.ts';
import { ports } from '../subjects/images.ts';
import { untilListening } from '../subjects/listening.ts';
import { Subjects } from '../subjects/pod.ts';
import { expectNothingLeft } from './leftovers.ts';
import { clusterIpOf, deployment, podsOf, podSpec, statefulSet, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
let subjects: Subjects;

beforeAll(async () => {
  subjects = await Subjects.prepare(lab, kept);
}, 600_000);
afterAll(async () => await subjects.remove());
afterEach(async () => await workloads.remove());

const kept = ['redis', 'http', 'ssh'] as const;
const moves = 4;

it.each([
  ['Deployment', deployment],
  ['StatefulSet', statefulSet],
])(`of a %s: thirty clients, through ${moves} moves`, { timeout: 400_000 }, async (_, owned) => {
  const containers = kept.map((each) => containerOf(subjects.container(each)));
  // A ReplicaSet ends what it has one too many of with this grace, and connections with it.
  const spec = podSpec(containers, { terminationGracePeriodSeconds: 600 });
  await workloads.make(owned('servers', spec), service());
  await thePodOf(lab, 'servers');
  let placed = await thePodNow();
  const address = await clusterIpOf(lab, 'servers');
  const at: Addresses = subjects.addresses(address, kept);
  await untilListening(lab, at, 20_000, 'node-a');
  const clients = await OpenClients.open(lab, at, { count: 30, place: 'node-a' });
  for (let moved = 0; moved < moves; moved += 1) {
    await sleep(500);
    const flags = ['--to', otherThan(placed.node), '--connection-linger', '10m', '--wait', 'moved'];
    const { code, stderr, migration } = await kubectlMigrate(lab, placed.name, ...flags);
    expect(code, stderr).toBe(0);
    expect(migration).toMatchObject({ phase: 'Completing', network: 'translate' });
    const target = otherThan(placed.node);
    await expect.poll(thePodNow).toMatchObject({ node: target });
    placed = await thePodNow();
    await expect.poll(async () => errorsOf(await clients.look())).toEqual([]);
  }
  const reports = await clients.stop(at);
  expect(errorsOf(reports)).toEqual([]);
  expect(reports.filter(({ kind, exchanges }) => exchanges === 0 && !/silent|blocked/.test(kind))).toEqual([]);
  // With the last connection all that held the nodes goes.
  await expect.poll(async () => (await thePodOf(lab, 'servers')).node, { timeout: 60_000 }).toBe(placed.node);
  await expectNothingLeft(lab);
});

/** Beside it those that it has left may be there still, on their way out. */
async function thePodNow(): Promise<{ name: string; node: NodeName }> {
  const staying = (await podsOf(lab, 'servers')).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  expect(staying).toHaveLength(1);
  return { name: staying[0]?.metadata?.name ?? '', node: staying[0]?.spec?.nodeName as NodeName };
}

function service(): object {
  const all = kept.flatMap((each) => (each === 'redis' ? [ports.redis, ports.redisTls] : [ports[each]]));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'servers', namespace: 'default' },
    spec: { selector: { app: 'servers' }, ports: all.map((port) => ({ name: `port-${port}`, port })) },
  };
}

function containerOf({ name, image, command, args, env }: ContainerSpec): V1Container {
  return {
    name,
    image: `podferry.dev/${image}:lab`,
    imagePullPolicy: 'Never',
    ...(command && { command: [...command] }),
    ...(args && { args: [...args] }),
    ...(env && { env: Object.entries(env).map(([key, value]) => ({ name: key, value })) }),
  };
}
