/**
 * Open connections survive the moves of a controller's pod, and nothing of what goes over them is lost, doubled or changed:
 * kubelet and controllers have a say in when a source goes, and none in what its clients see. (Through a Service: the gap
 * benchmark.)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Container } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { errorsOf, OpenClients } from '../clients/open-clients.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { type ContainerSpec, type NodeName, open, runKubectl } from '../lab/index.ts';
import { untilListening } from '../subjects/listening.ts';
import { Subjects } from '../subjects/pod.ts';
import { expectNothingLeft } from './leftovers.ts';
import { deployment, podsOf, podSpec, statefulSet, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
let subjects: Subjects;

beforeAll(async () => {
  subjects = await Subjects.prepare(lab, kept);
}, 600_000);
afterAll(async () => await subjects.remove());
afterEach(async () => await workloads.remove());

const kept = ['redis', 'http', 'postgres', 'ssh'] as const;
// CI has time for a few.
const moves = Number(process.env['PODFERRY_MOVES'] ?? 4);

it.each([
  ['Deployment', deployment],
  ['StatefulSet', statefulSet],
])(`of a %s: fifty clients, through ${moves} moves`, { timeout: 240_000 + moves * 60_000 }, async (_, owned) => {
  const containers = kept.map((each) => containerOf(subjects.container(each)));
  // A ReplicaSet ends what it has one too many of with this grace, and connections with it.
  const spec = podSpec(containers, { terminationGracePeriodSeconds: 3_600 });
  await workloads.make(owned('servers', spec));
  await thePodOf(lab, 'servers');
  let placed = await thePodNow();
  await untilListening(lab, subjects.addresses(placed.ip, kept));
  const clients = await OpenClients.open(lab, subjects.addresses(placed.ip, kept), { count: 50, restMs: 200 });
  for (let moved = 0; moved < moves; moved += 1) {
    await sleep(500);
    const lasting = ['--connection-linger', '30m', '--freeze-timeout', '60s'];
    const flags = ['--to', otherThan(placed.node), ...lasting, '--wait', 'moved'];
    const { code, stderr, migration } = await kubectlMigrate(lab, placed.name, ...flags);
    expect(code, stderr).toBe(0);
    expect(migration).toMatchObject({ phase: 'Completing', network: 'translate' });
    const target = otherThan(placed.node);
    await expect.poll(thePodNow).toMatchObject({ node: target });
    placed = await thePodNow();
    await expect.poll(async () => errorsOf(await clients.look())).toEqual([]);
  }
  const reports = await clients.stop(subjects.addresses(placed.ip, kept));
  expect(errorsOf(reports)).toEqual([]);
  expect(reports.filter(({ kind, exchanges }) => exchanges === 0 && !/silent|blocked/.test(kind))).toEqual([]);
  // With the last connection all that held the nodes goes.
  await expect.poll(async () => (await thePodOf(lab, 'servers')).node, { timeout: 60_000 }).toBe(placed.node);
  await expectNothingLeft(lab);
});

it('somebody who wants the node gets it: connections that held it are reset', { timeout: 120_000 }, async () => {
  const containers = [containerOf(subjects.container('redis'))];
  await workloads.make(deployment('servers', podSpec(containers, { terminationGracePeriodSeconds: 600 })));
  const { name, node, ip } = await thePodOf(lab, 'servers');
  await untilListening(lab, subjects.addresses(ip, ['redis']));
  const kinds = ['redis-pipeline', 'redis-silent'] as const;
  const clients = await OpenClients.open(lab, subjects.addresses(ip, ['redis']), { count: 2, kinds });
  const flags = ['--to', otherThan(node), '--connection-linger', 'unlimited', '--wait', 'moved'];
  expect(await kubectlMigrate(lab, name, ...flags)).toMatchObject({ code: 0, migration: { phase: 'Completing' } });
  // Nobody else would have it go.
  await sleep(3_000);
  expect(errorsOf(await clients.look())).toEqual([]);
  await runKubectl(lab, ['delete', 'pod', name, '--grace-period=1', '--wait=false']);
  await expect.poll(async () => (await podsOf(lab, 'servers')).length, { timeout: 60_000 }).toBe(1);
  const { ip: now } = await thePodNow();
  const reports = await clients.stop(subjects.addresses(now, ['redis']));
  expect(reports.map(({ kind, errors }) => [kind, errors.length > 0])).toEqual(kinds.map((kind) => [kind, true]));
  await expectNothingLeft(lab);
});

/** Beside it those that it has left may be there still, on their way out. */
async function thePodNow(): Promise<{ name: string; node: NodeName; ip: string }> {
  const staying = (await podsOf(lab, 'servers')).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  expect(staying).toHaveLength(1);
  const [pod] = staying;
  return { name: pod?.metadata?.name ?? '', node: pod?.spec?.nodeName as NodeName, ip: pod?.status?.podIP ?? '' };
}

function containerOf({ name, image, command, args, env, securityContext }: ContainerSpec): V1Container {
  const { run_as_user: user, run_as_group: group } = securityContext ?? {};
  return {
    name,
    image: `podferry.dev/${image}:lab`,
    imagePullPolicy: 'Never',
    ...(command && { command: [...command] }),
    ...(args && { args: [...args] }),
    // PostgreSQL refuses to be root.
    ...(user && { securityContext: { runAsUser: Number(user.value), runAsGroup: Number(group?.value) } }),
    ...(env && { env: Object.entries(env).map(([key, value]) => ({ name: key, value })) }),
  };
}
