/** Podferry taken off a cluster: in which order, what is refused, and what becomes of it when a node does not take part. */
import {
  AppsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type V1ContainerState,
  type V1DaemonSet,
} from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Kubernetes } from '../../../coordinator/cluster/kubernetes/client.ts';
import { Patience } from '../../../coordinator/uninstall/patience.ts';
import { Refused, type Settings, uninstall } from '../../../coordinator/uninstall/uninstall.ts';
import { Fault } from '../../../proto/fault.ts';
import { json } from './api-server.ts';
import { FakeRelease, namespace, paths } from './fake-release.ts';
import { until } from './until.ts';

const manifest: V1DaemonSet = {
  metadata: { name: 'podferry-uninstall', namespace },
  spec: {
    selector: {},
    template: { spec: { containers: [], nodeSelector: { 'kubernetes.io/os': 'linux' } } },
  },
};
const usual: Settings = { namespace, manifest, keepResources: true, authority: 'own' };
const order = [
  `DELETE ${paths.coordinators}`,
  `DELETE ${paths.agents}`,
  `DELETE ${paths.cleaners}`,
  `POST ${paths.cleaners.replace('/podferry-uninstall', '')}`,
  `DELETE ${paths.cleaners}`,
  `DELETE ${paths.authority}`,
  `DELETE ${paths.trust}`,
  `DELETE ${paths.leader}`,
];

let release: FakeRelease;
let said: string[];
let stop: AbortController;

beforeEach(async () => {
  release = new FakeRelease(['node-a', 'node-b']);
  await release.server.start();
  said = [];
  stop = new AbortController();
});

afterEach(async () => await release.server.stop());

async function run(settings: Partial<Settings> = {}, ms = 5_000): Promise<void> {
  const config = release.server.config();
  const kubernetes = {
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    coordination: config.makeApiClient(CoordinationV1Api),
    custom: config.makeApiClient(CustomObjectsApi),
  } as Kubernetes;
  const patience = new Patience({ ms, pauseMs: 10 }, stop.signal);
  await uninstall(kubernetes, { ...usual, ...settings }, patience, (line) => said.push(line));
}

async function failure(settings: Partial<Settings> = {}, ms = 300): Promise<Fault> {
  const error: unknown = await run(settings, ms).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Fault)) throw new Error(`expected a Fault, not ${String(error)}`);
  return error;
}

const ended = (exitCode: number, message: string): V1ContainerState => ({ terminated: { exitCode, message } });

it('lets go whoever may need the others first, and leaves nothing of its own', async () => {
  await run();
  expect(release.changes).toEqual(order);
  expect([...release.objects.keys(), ...release.pods.keys()]).toEqual([]);
  expect(said).toEqual([
    'nothing is against it',
    expect.stringContaining('Deployment podferry-system/podferry-coordinator and its pods are gone'),
    expect.stringContaining('DaemonSet podferry-system/podferry-agent and its pods are gone'),
    'node-a is clean',
    'node-b is clean',
    expect.stringContaining('DaemonSet podferry-system/podferry-uninstall and its pods are gone'),
    expect.stringContaining('Secret podferry-system/podferry-authority is gone'),
    expect.stringContaining('ConfigMap podferry-system/podferry-trust is gone'),
    expect.stringContaining('Lease podferry-system/podferry-coordinator is gone'),
  ]);
});

it('has nothing to do the second time, with definitions or without', async () => {
  await run();
  release.resources = undefined;
  await run();
  expect(release.changes).toEqual([...order, ...order]);
});

it('does not start with the nodes before the agents are gone', async () => {
  const seen: string[][] = [];
  release.cleaning = () => {
    seen.push([...release.podsOf('agent'), ...release.podsOf('coordinator')]);
    return ended(0, '');
  };
  await run();
  expect(seen).toEqual([[], []]);
});

it('changes nothing while somebody needs it, and says all that is against it at once', async () => {
  release.addResource('podmigrations', 'moving', { phase: 'Dumping' }, ['podferry.dev/migration']);
  release.addResource('podcheckpoints', 'new');
  release.addPod('other', { node: 'node-a' });
  release.addPod('redis', { node: 'node-b', runtimeClassName: 'podferry' });
  const error = await failure();
  expect(error).toBeInstanceOf(Refused);
  expect(error.message).toMatch(
    /demo\/moving \(Dumping\)[^]*demo\/new\n[^]*podferry-system\/redis \(of no owner, on node-b\)/,
  );
  expect(error.message).not.toContain('podferry-system/other');
  expect(release.changes).toEqual([]);
});

it('changes nothing for a single reason, too', async () => {
  release.addPod('redis', { node: 'node-b', runtimeClassName: 'podferry' });
  expect(await failure({ keepResources: false })).toBeInstanceOf(Refused);
  expect(release.changes).toEqual([]);
});

it('deletes the resources while there is a coordinator that lets go of them', async () => {
  release.addResource('podmigrations', 'done', { phase: 'Succeeded' });
  const Ready = { type: 'Ready', status: 'True' };
  release.addResource('podcheckpoints', 'warm', { conditions: [Ready] }, ['podferry.dev/checkpoint']);
  await run({ keepResources: false });
  expect(release.changes).toEqual([
    'DELETE /apis/podferry.dev/v1alpha1/namespaces/demo/podmigrations/done',
    'DELETE /apis/podferry.dev/v1alpha1/namespaces/demo/podcheckpoints/warm',
    ...order,
  ]);
  expect(release.resources?.size).toBe(0);
});

it('goes no further when resources stay', async () => {
  const held = ['podferry.dev/checkpoint', 'somebody/else'];
  release.addResource('podcheckpoints', 'warm', { conditions: [{ type: 'Ready', status: 'True' }] }, held);
  const original = release.server.answer;
  release.server.answer = async (request, response) => {
    for (const { metadata } of release.resources?.values() ?? []) delete metadata.deletionTimestamp;
    await original(request, response);
  };
  expect((await failure({ keepResources: false })).message).toMatch(
    /1 podcheckpoints are deleted, but still there.*demo\/warm \(podferry\.dev\/checkpoint, somebody\/else\)/,
  );
  expect(new Set(release.changes)).toEqual(
    new Set(['DELETE /apis/podferry.dev/v1alpha1/namespaces/demo/podcheckpoints/warm']),
  );
});

it('keeps resources, and says what holds them', async () => {
  const Ready = { type: 'Ready', status: 'True' };
  release.addResource('podcheckpoints', 'warm', { conditions: [Ready] }, ['podferry.dev/checkpoint']);
  await run();
  expect(release.resources?.size).toBe(1);
  expect(said[1]).toMatch(/PodCheckpoints that stay, with their files: 1\. Their finalizer podferry\.dev\/checkpoint/);
});

it('says what a node refuses, takes the pods away again, and leaves what the nodes need', async () => {
  release.cleaning = (node) =>
    node === 'node-a'
      ? ended(
          2,
          'node-a: looks\npodferry-install: nothing was changed, because\n  pod demo/x has the runtime handler\n',
        )
      : ended(0, '');
  const error = await failure({}, 60_000);
  expect(error).not.toBeInstanceOf(Refused);
  expect(error.message).toMatch(
    /^1 of 2 nodes are not clean:\n  node-a refuses: [^]*pod demo\/x has the runtime handler/,
  );
  expect(error.message).toContain('helm uninstall again');
  expect(release.changes.at(-1)).toBe(`DELETE ${paths.cleaners}`);
  expect(release.has(paths.cleaners)).toBe(false);
  expect(release.podsOf('uninstall-node')).toEqual([]);
  expect(release.has(paths.authority)).toBe(true);

  release.cleaning = () => ended(0, '');
  await run();
  expect(release.objects.size).toBe(0);
});

it('does not give up while another node is at it', async () => {
  let done = false;
  release.cleaning = (node) => (node === 'node-a' ? ended(2, 'no') : { running: {} });
  const running = failure({}, 60_000).finally(() => (done = true));
  await until('it is told', () => said.some((line) => line.startsWith('node-b: it is being cleaned')));
  expect(done).toBe(false);
  const pod = release.pods.get('cleaner-1-node-b');
  if (pod?.status?.initContainerStatuses?.[0] === undefined) throw new Error('there is no such pod');
  pod.status.initContainerStatuses[0].state = { terminated: { exitCode: 0 } };
  expect((await running).message).toMatch(/^1 of 2 nodes/);
});

it.each([
  ['fails again and again', 'node-b failed: disk full', () => ended(1, 'disk full')],
  ['never gets its pod to start', 'node-b: its pod has not started: no such image', () => waiting('no such image')],
])('a node that %s is named when the time is over', async (_what, line, state) => {
  release.cleaning = (node) => (node === 'node-b' ? state() : ended(0, ''));
  const error = await failure();
  expect(error.reason).toBe('DeadlineExceeded');
  expect(error.message).toContain(line);
  expect(said.filter((each) => each === line)).toHaveLength(1);
  expect(release.has(paths.cleaners)).toBe(false);
});

const waiting = (message: string): V1ContainerState => ({ waiting: { reason: 'ImagePullBackOff', message } });

it('waits for no pod of a node that is not ready, cleans the others, and says which one is left', async () => {
  release.addNode('node-c', { ready: false });
  release.addNode('windows', { os: 'windows' });
  release.addPod('agent-node-c', { node: 'node-c', component: 'agent' });
  release.cleaning = (node) => (node === 'node-c' ? undefined : ended(0, ''));
  const error = await failure();
  expect(error.message).toMatch(/^1 of 3 nodes are not clean:\n  node-c is not ready/);
  expect(said).toContain('node-b is clean');
  expect(said.join('\n')).toMatch(/except for pods of nodes that are not ready.*agent-node-c \(node-c\)/);
});

it('goes no further while agents do not end', async () => {
  release.server.answer = ((answer) => async (request, response) => {
    await answer(request, response);
    release.addPod('agent-node-a', { node: 'node-a', component: 'agent' });
  })(release.server.answer);
  const error = await failure();
  expect(error.message).toMatch(
    /DaemonSet .*podferry-agent is deleted, but these pods of it are still there: agent-node-a/,
  );
  expect(release.changes).toEqual(order.slice(0, 2));
});

it('takes the pods away when it has to end', async () => {
  release.cleaning = () => ({ running: {} });
  const running = failure({}, 60_000);
  await until('they are there', () => said.some((line) => line.startsWith('node-b')));
  stop.abort(new Fault('Cancelled', 'SIGTERM came'));
  expect((await running).message).toBe('SIGTERM came');
  expect(release.has(paths.cleaners)).toBe(false);
  expect(release.has(paths.authority)).toBe(true);
});

it('leaves alone what somebody else has made under that name since', async () => {
  release.cleaning = () => ({ running: {} });
  const running = failure({}, 60_000);
  await until('they are there', () => said.some((line) => line.startsWith('node-b')));
  release.objects.set(paths.cleaners, { metadata: { uid: 'of a later try' } });
  stop.abort(new Fault('Cancelled', 'SIGTERM came'));
  expect((await running).message).toBe('SIGTERM came');
  expect(release.has(paths.cleaners)).toBe(true);
  expect(said.join()).not.toContain('409');
});

it('begins with pods of its own, not with what an earlier try has left', async () => {
  release.objects.set(paths.cleaners, { metadata: { uid: 'left' } });
  release.addPod('left-over', { node: 'node-a', component: 'uninstall-node' });
  await run();
  expect(release.changes).toEqual(order);
  expect(release.pods.size).toBe(0);
});

it('leaves nodes and a given Secret as they are', async () => {
  await run({ manifest: undefined, authority: 'given' });
  expect(release.changes).toEqual([...order.slice(0, 2), ...order.slice(-2)]);
  expect([...release.objects.keys()]).toEqual([paths.authority]);
  expect(said.at(-1)).toMatch(/Secret .*podferry-authority stays/);
});

it('outlives an API server that is away for a moment, and says what it was not allowed', async () => {
  release.failures.push(503, 500, 429);
  await run();
  release.failures.push(403);
  const error = await failure();
  expect(error).toMatchObject({
    reason: 'PermissionDenied',
    message: expect.stringMatching(/^looking at Deployment .*403/),
  });
});

it('gives up on one that stays away', async () => {
  release.server.answer = (_request, response) => json(response, 503, { message: 'away' });
  expect((await failure({}, 100)).message).toMatch(/^looking at Deployment .*503: away/);
});
