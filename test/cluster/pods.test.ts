/** Pods of all kinds that people have, and what belongs to them. */
import { afterEach, expect, it } from 'vitest';
import { ask, open } from '../lab/index.ts';
import { runKubectl } from '../lab/kubernetes/kubectl.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { expectNothingLeft } from './leftovers.ts';
import { barePod, container, execIn, exists, logsOf, podSpec, type Placed, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);

afterEach(async () => {
  await workloads.remove();
  await expectNothingLeft(lab);
});

async function move(app: string, placed: Placed): Promise<Placed> {
  const { code, stderr, migration } = await kubectlMigrate(lab, placed.name, '--to', otherThan(placed.node));
  expect(code, `${migration?.message ?? ''} ${stderr}`).toBe(0);
  return await thePodOf(lab, app);
}

it('a bare pod goes on under a new name, knows itself by its old one, and can come back', async () => {
  await workloads.make(barePod('counter', podSpec([container('counter')])));
  const placed = await thePodOf(lab, 'counter');
  await expect.poll(async () => Number(await ask(lab, placed.ip)), { timeout: 5_000 }).toBeGreaterThan(5);
  const moved = await move('counter', placed);
  expect(moved.name).toMatch(/^counter-[a-z0-9]{8}$/);
  expect(Number(await ask(lab, moved.ip))).toBeGreaterThan(5);
  expect(await execIn(lab, moved.name, ['hostname'])).toBe('counter\n');
  expect(await exists(lab, 'pod/counter')).toBe(false);
  const numbers = (await logsOf(lab, moved.name)).trim().split('\n').map(Number);
  expect(numbers[0]).toBeGreaterThan(5);
  expect(numbers.slice(1)).toEqual(numbers.slice(0, -1).map((number) => number + 1));
  const back = await move('counter', moved);
  expect(back.name).toMatch(/^counter-[a-z0-9]{8}$/);
  expect(back.node).toBe(placed.node);
});

it('volumes: emptyDir on disk and in memory, ConfigMap, Secret, projected and downward', async () => {
  const metadata = { name: 'settings', namespace: 'default' };
  await workloads.make(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { key: 'from the map' } },
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { key: 'from the secret' } },
    barePod(
      'volumes',
      podSpec(
        [
          container('counter', {
            env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
            volumeMounts: ['disk', 'memory', 'map', 'secret', 'down'].map((name) => ({
              name,
              mountPath: `/v/${name}`,
            })),
          }),
        ],
        {
          volumes: [
            { name: 'disk', emptyDir: {} },
            { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
            { name: 'map', configMap: { name: 'settings' } },
            { name: 'secret', secret: { secretName: 'settings' } },
            { name: 'down', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
          ],
        },
      ),
    ),
  );
  const placed = await thePodOf(lab, 'volumes');
  const fill =
    'cd /v; for v in disk memory; do echo $v >$v/file; mkdir -m 700 $v/d; ln -s file $v/link; dd if=/dev/urandom of=$v/d/big bs=1M count=3 2>/dev/null; chown 7:8 $v/file; done';
  const sums =
    'cd /v; for v in disk memory; do cat $v/link; stat -c %u:%g:%a $v/file $v/d; sha256sum $v/d/big; done; cat map/key secret/key';
  await execIn(lab, placed.name, ['sh', '-c', fill]);
  const before = await execIn(lab, placed.name, ['sh', '-c', sums]);
  const moved = await move('volumes', placed);
  expect(await execIn(lab, moved.name, ['sh', '-c', sums])).toBe(before);
  expect(await execIn(lab, moved.name, ['cat', '/v/down/name'])).toBe(moved.name);
  expect(await execIn(lab, moved.name, ['ls', '/var/run/secrets/kubernetes.io/serviceaccount/token'])).toContain(
    'token',
  );
});

it('several containers, a sidecar and an init container that has done its work', { timeout: 180_000 }, async () => {
  const shared = [{ name: 'shared', mountPath: '/shared' }];
  const spec = podSpec([container('counter', { volumeMounts: shared }), container('redis'), container('datagrams')], {
    volumes: [{ name: 'shared', emptyDir: {} }],
    initContainers: [
      container('counter', { name: 'init', command: ['sh', '-c', 'echo done >>/shared/init'], volumeMounts: shared }),
      container('counter', {
        name: 'sidecar',
        command: ['sh', '-c', 'while :; do date >/here; sleep 0.1; done'],
        restartPolicy: 'Always',
      }),
    ],
  });
  await workloads.make(barePod('several', spec));
  const placed = await thePodOf(lab, 'several');
  await execIn(lab, placed.name, ['redis-cli', 'set', 'key', 'value'], 'redis');
  await execIn(lab, placed.name, ['sh', '-c', 'echo file >/data/own'], 'redis');
  const count = Number(await ask(lab, placed.ip));
  const moved = await move('several', placed);
  expect(Number(await ask(lab, moved.ip))).toBeGreaterThanOrEqual(count);
  expect(await execIn(lab, moved.name, ['redis-cli', 'get', 'key'], 'redis')).toBe('value\n');
  expect(await execIn(lab, moved.name, ['cat', '/data/own'], 'redis')).toBe('file\n');
  expect(await execIn(lab, moved.name, ['cat', '/shared/init'], 'counter')).toBe('done\n');
  const restarts = moved.pod.status?.containerStatuses?.map(({ restartCount }) => restartCount);
  expect(restarts).toEqual([0, 0, 0]);
});

it('a ReplicaSet that no Deployment has keeps its one pod', async () => {
  const labels = { app: 'set' };
  await workloads.make({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'set', namespace: 'default' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec([container('counter')]) },
    },
  });
  const placed = await thePodOf(lab, 'set');
  const count = Number(await ask(lab, placed.ip));
  const moved = await move('set', placed);
  expect(moved.uid).not.toBe(placed.uid);
  expect(moved.pod.metadata?.ownerReferences).toEqual(placed.pod.metadata?.ownerReferences);
  expect(Number(await ask(lab, moved.ip))).toBeGreaterThanOrEqual(count);
});

it('a Job does not count a pod that has moved, neither as failed nor twice', async () => {
  const spec = podSpec(
    [container('counter', { command: ['sh', '-c', 'for i in $(seq 120); do echo $i; sleep 0.1; done'] })],
    {
      restartPolicy: 'Never',
    },
  );
  await workloads.make({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'job', namespace: 'default' },
    spec: { backoffLimit: 0, template: { metadata: { labels: { app: 'job' } }, spec } },
  });
  const placed = await thePodOf(lab, 'job');
  const moved = await move('job', placed);
  await runKubectl(lab, ['wait', '--for=condition=Complete', '--timeout=60s', 'job/job']);
  const job = JSON.parse(await runKubectl(lab, ['get', 'job/job', '-o', 'json'])) as { status: object };
  expect(job.status).toMatchObject({ succeeded: 1 });
  expect(job.status).not.toHaveProperty('failed');
  expect((await logsOf(lab, moved.name)).trim().split('\n').at(-1)).toBe('120');
});
