/** A node is emptied: what moves keeps all that it has, what cannot stays and is named. Beside it, what a drain does. */
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { ask, clientFlags, clientIdentity, type NodeName, open } from '../lab/index.ts';
import { runKubectl } from '../lab/kubernetes/kubectl.ts';
import { expectNothingLeft } from './leftovers.ts';
import {
  barePod,
  container,
  deployment,
  execIn,
  exists,
  namespace,
  type Placed,
  podsOf,
  podSpec,
  thePodOf,
  Workloads,
} from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
const cli = join(import.meta.dirname, '../../coordinator/cli/kubectl-migrate.ts');

afterEach(async () => {
  for (const node of lab.nodeNames) await runKubectl(lab, ['uncordon', node]);
  await workloads.remove();
  await expectNothingLeft(lab);
});

interface Emptied {
  schedulable: boolean;
  moved: number;
  stayed: number;
  pods: { pod: string; target: string; result: string; freezeMs?: number; findings: { reason: string }[] }[];
}

async function migrateNode(...flags: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const words = ['node/node-a', '--linger', '100ms', ...flags, ...clientFlags(lab, clientIdentity)];
  return await lab.exec('control', [process.execPath, cli, ...words]);
}

const labels = { app: 'daemon' };
const daemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'daemon', namespace },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpec([container('counter')]) },
  },
};
const job = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'job', namespace },
  spec: {
    template: {
      metadata: { labels: { app: 'job' } },
      spec: podSpec([container('counter')], { restartPolicy: 'Never' }),
    },
  },
};
const withHostPath = podSpec([container('counter', { volumeMounts: [{ name: 'srv', mountPath: '/srv' }] })], {
  volumes: [{ name: 'srv', hostPath: { path: '/srv' } }],
});

type App = 'redis' | 'counter' | 'job' | 'two' | 'host';
const movable: readonly App[] = ['redis', 'counter', 'job', 'two'];

/** Pods of all kinds on node-a, put there by the scheduler, which may put them elsewhere another time. */
async function fillNodeA(): Promise<Record<App, Placed>> {
  await runKubectl(lab, ['cordon', 'node-b']);
  await workloads.make(
    deployment('redis', podSpec([container('redis')])),
    barePod('counter', podSpec([container('counter')])),
    job,
    barePod('two', podSpec([container('counter'), container('redis')])),
    barePod('host', withHostPath),
    daemonSet,
  );
  const placed = await placesOf(...movable, 'host');
  for (const { node } of Object.values(placed)) expect(node).toBe('node-a');
  await expect.poll(async () => (await podsOf(lab, 'daemon')).length, { timeout: 20_000 }).toBe(2);
  await runKubectl(lab, ['uncordon', 'node-b']);
  await execIn(lab, placed.redis.name, ['redis-cli', 'set', 'key', 'value']);
  await execIn(lab, placed.two.name, ['redis-cli', 'set', 'key', 'value'], 'redis');
  return placed;
}

async function placesOf<Name extends App>(...apps: Name[]): Promise<Record<Name, Placed>> {
  const all: [Name, Placed][] = [];
  for (const app of apps) all.push([app, await thePodOf(lab, app)]);
  return Object.fromEntries(all) as Record<Name, Placed>;
}

async function runIdOf({ name }: Placed): Promise<string> {
  return /run_id:\w+/.exec(await execIn(lab, name, ['redis-cli', 'info', 'server']))?.[0] ?? '';
}

async function daemonOn(node: NodeName): Promise<string> {
  const pods = await podsOf(lab, 'daemon');
  return pods.find(({ spec }) => spec?.nodeName === node)?.metadata?.name ?? '';
}

it('kubectl migrate node/node-a moves what can move, and names what stays', { timeout: 240_000 }, async () => {
  const before = await fillNodeA();
  const runId = await runIdOf(before.redis);
  const daemon = await daemonOn('node-a');
  const asked = await migrateNode('--dry-run');
  expect(asked.code, asked.stderr).toBe(1);
  expect(asked.stderr).toContain('warning: node-a is not cordoned');
  expect(asked.stdout).toMatch(/^node-a: 4 of 6 pods can move, 2 stay\. Nothing was touched$/m);
  for (const [app, { uid }] of Object.entries(before)) expect((await thePodOf(lab, app)).uid).toBe(uid);

  await runKubectl(lab, ['cordon', 'node-a']);
  const counts = { counter: Number(await ask(lab, before.counter.ip)), job: Number(await ask(lab, before.job.ip)) };
  const { code, stdout, stderr } = await migrateNode('-o', 'json');
  expect(code, `${stderr} ${stdout}`).toBe(1);
  expect(stderr).not.toContain('warning');
  const { pods, ...all } = JSON.parse(stdout) as Emptied;
  expect(all).toMatchObject({ schedulable: false, moved: 4, stayed: 2, failed: 0, unknown: 0 });
  for (const app of movable) {
    const row = pods.find(({ pod }) => pod === before[app].name);
    expect(row, app).toMatchObject({ target: 'node-b', result: 'Succeeded', findings: [] });
    expect(row?.freezeMs).toBeGreaterThan(0);
  }
  const host = pods.find(({ pod }) => pod === 'host');
  expect(host?.result).toBe('Refused');
  // Kubernetes names the volume, and its node where that is mounted.
  expect(new Set(host?.findings.map(({ reason }) => reason))).toEqual(new Set(['HostPathVolume']));
  expect(pods.find(({ pod }) => pod === daemon)).toMatchObject({
    result: 'Refused',
    findings: [{ reason: 'RuntimeUnsupported', message: expect.stringMatching(/DaemonSet daemon/) as string }],
  });

  const after = await placesOf(...movable, 'host');
  for (const app of movable) {
    expect(after[app].node, app).toBe('node-b');
    for (const { restartCount } of after[app].pod.status?.containerStatuses ?? []) expect(restartCount).toBe(0);
  }
  expect(after.host.uid).toBe(before.host.uid);
  expect(await daemonOn('node-a')).toBe(daemon);
  expect(await runIdOf(after.redis)).toBe(runId);
  expect(await execIn(lab, after.redis.name, ['redis-cli', 'get', 'key'])).toBe('value\n');
  expect(await execIn(lab, after.two.name, ['redis-cli', 'get', 'key'], 'redis')).toBe('value\n');
  expect(Number(await ask(lab, after.counter.ip))).toBeGreaterThanOrEqual(counts.counter);
  expect(Number(await ask(lab, after.job.ip))).toBeGreaterThanOrEqual(counts.job);
  const { status } = JSON.parse(await runKubectl(lab, ['get', 'job/job', '-o', 'json'])) as { status: object };
  expect(status).toMatchObject({ active: 1 });
  expect(status).not.toHaveProperty('failed');

  // Nothing comes back by itself, and what stayed stays.
  const again = await migrateNode();
  expect(again.code).toBe(1);
  expect(again.stdout).toMatch(/^default\/host +node-b +Refused +- +HostPathVolume$/m);
  expect(again.stdout).toMatch(/^node-a: 0 of 2 pods moved, 2 stay$/m);
  await expectNothingLeft(lab);
});

it('kubectl drain node-a makes new pods, empty ones, and none of a pod that nobody owns', {
  timeout: 240_000,
}, async () => {
  const before = await fillNodeA();
  const runId = await runIdOf(before.redis);
  const drain = ['drain', 'node-a', '--ignore-daemonsets', '--delete-emptydir-data', '--force', '--grace-period=1'];
  await runKubectl(lab, [...drain, '--timeout=90s']);
  const after = await placesOf('redis', 'job');
  for (const app of ['redis', 'job'] as const) {
    expect(after[app].node).toBe('node-b');
    expect(after[app].uid).not.toBe(before[app].uid);
  }
  expect(await runIdOf(after.redis)).not.toBe(runId);
  expect(await execIn(lab, after.redis.name, ['redis-cli', 'get', 'key'])).toBe('\n');
  for (const app of ['counter', 'two', 'host'] as const)
    expect(await exists(lab, `pod/${before[app].name}`)).toBe(false);
  expect(await daemonOn('node-a')).not.toBe('');
});
