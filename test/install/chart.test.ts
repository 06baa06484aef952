/**
 * Podferry gets onto somebody's cluster, is used there, upgraded, rolled back and taken away again: the image and the
 * chart as they are shipped, with the real Helm. One thing after the other, in one cluster.
 */
import type { V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chart, chartNamespace, helm, installChart, runHelm, untilRolledOut, valuesFile } from '../lab/chart.ts';
import { startPrometheus, untilUp } from '../lab/prometheus.ts';
import type { PodMonitor } from '../lab/prometheus-config.ts';
import { monitoringResources } from '../lab/prometheus-operator.ts';
import { apply, connectCri, kubectl, type NodeName, open, runKubectl } from '../lab/index.ts';
import { loadPodferryImage } from '../lab/podferry.ts';
import { holdCriu, letCriuGo } from '../integration/outage.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { Subject } from '../cluster/subject.ts';
import {
  container,
  deployment,
  exists,
  migrationsIn,
  podsIn,
  podSpec,
  statefulSet,
  thePodOf,
  Workloads,
} from '../cluster/workload.ts';
import { pathOf, valueFiles } from '../chart/rendered.ts';
import { queries, readDashboard, rulesFile } from '../chart/dashboard.ts';
import { diskOf, tracesOfPodferry } from '../lab/disk.ts';

const lab = open();
const say = (line: string) => console.error(`install: ${line}`);
const workloads = new Workloads(lab);
const before = new Map<NodeName, string[]>();

/** Somebody's pods, which have nothing to do with Podferry: one on each node. */
const theirs = 'theirs';
const bystanders = lab.nodeNames.map((node) => ({ name: `bystander-${node}`, node }));
const bystander = (node: NodeName) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  spec: { nodeName: node, terminationGracePeriodSeconds: 1, containers: [container('counter')] },
});

/** What tells that the same processes still run. */
async function bystandersNow(): Promise<unknown[]> {
  const pods = await podsIn(lab, theirs);
  const ticks = async (pod: V1Pod) =>
    (
      await runKubectl(lab, [
        'exec',
        '-n',
        theirs,
        pod.metadata?.name ?? '',
        '--',
        'cut',
        '-d ',
        '-f22',
        '/proc/1/stat',
      ])
    ).trim();
  return await Promise.all(
    pods.map(async (pod) => {
      const [container] = pod.status?.containerStatuses ?? [];
      const { containerID, restartCount, ready } = container ?? {};
      return { uid: pod.metadata?.uid, containerID, restartCount, ready, startedAt: await ticks(pod) };
    }),
  );
}

/** Kinds and names of everything in the cluster that came with Podferry. */
async function objects(): Promise<string[]> {
  const kinds = (await runKubectl(lab, ['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
  const listed = kinds.filter((kind) => kind !== 'events' && kind !== 'events.events.k8s.io');
  const all = await runKubectl(lab, ['get', listed.join(','), '-A', '-o', 'name', '--ignore-not-found']);
  return all
    .trim()
    .split('\n')
    .filter((name) => name.includes('podferry'))
    .sort();
}

const agents = async () =>
  (await podsIn(lab, chartNamespace)).filter(({ spec }) => spec?.serviceAccountName === 'podferry-agent');

let bystandersBefore: unknown[];

beforeAll(async () => {
  await loadPodferryImage(lab, say);
  await apply(lab, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: theirs } }]);
  await runKubectl(lab, ['wait', '--for=create', '-n', theirs, 'serviceaccount/default', '--timeout=30s']);
  const made = bystanders.map(({ name, node }) => ({ ...bystander(node), metadata: { name, namespace: theirs } }));
  await apply(lab, made);
  for (const { name } of bystanders) {
    await runKubectl(lab, ['wait', '--for=condition=Ready', `pod/${name}`, '-n', theirs, '--timeout=60s']);
  }
  bystandersBefore = await bystandersNow();
  expect(bystandersBefore).toHaveLength(lab.nodeNames.length);
  expect(await objects()).toEqual([]);
  for (const node of lab.nodeNames) before.set(node, await diskOf(lab, node));
});

afterAll(async () => {
  await runKubectl(lab, ['delete', 'namespace', theirs]);
});

describe('what the chart makes', () => {
  beforeAll(async () => {
    for (const name of ['ferry', 'monitoring']) await runKubectl(lab, ['create', 'namespace', name]);
    for (const file of await monitoringResources(lab.state.cache, say)) {
      await runKubectl(lab, ['apply', '--server-side', '-f', file]);
    }
  });

  afterAll(async () => {
    await runKubectl(lab, ['delete', 'namespace', 'ferry', 'monitoring']);
  });

  it.each(valueFiles)('is valid to the API server, with %s', async (values) => {
    const objects = await runHelm(lab, ['template', 'some', chart, '--values', pathOf(values), '-n', 'ferry']);
    const known =
      values === 'cert-manager' ? objects.replace(/^apiVersion: cert-manager.io[^]*?(?=^---)/m, '') : objects;
    const applied = await kubectl(lab, ['apply', '--dry-run=server', '-f', '-'], { stdin: known });
    expect(applied.stderr.replaceAll(/^Warning: .*\n/gm, '')).toBe('');
    expect(applied.code).toBe(0);
    expect(applied.stdout).toContain('daemonset.apps/podferry-agent');
  });
});

it('without an installer says what the nodes lack, touches none of them, and goes again', async () => {
  await installChart(lab, ['--set', 'installer.enabled=false']);
  const plain = podSpec([container('counter')]);
  delete plain.runtimeClassName;
  await workloads.make(deployment('counter', plain));
  const { name } = await thePodOf(lab, 'counter');
  const refused = await kubectlMigrate(lab, name);
  expect(refused.code).not.toBe(0);
  const said = refused.stderr + (refused.migration?.message ?? '');
  expect(said).toContain('has no runtime handler podferry: run the node installer');
  expect(said).toContain('podferry-runc');
  await workloads.remove();
  await runHelm(lab, ['uninstall', 'podferry', '--timeout', '4m']);
  // Nobody has been told to clean nodes: what an agent keeps in /run, and its cgroup, stay until somebody does.
  for (const node of lab.nodeNames) expect(await diskOf(lab, node)).toEqual(before.get(node));
});

it('comes by helm install, and nobody’s pod notices', async () => {
  await installChart(lab);
  expect(await bystandersNow()).toEqual(bystandersBefore);
  expect((await agents()).map(({ spec }) => `${spec?.nodeName}`).sort()).toEqual([...lab.nodeNames]);
});

it('is refused a second time, before anything is changed', async () => {
  const was = await objects();
  const argv = ['install', 'other', chart, '--namespace', 'elsewhere', '--create-namespace'];
  const second = await helm(lab, [...argv, '--values', await valuesFile(lab)]);
  expect(second.code).not.toBe(0);
  expect(second.stderr).toContain(`release podferry in namespace ${chartNamespace}`);
  expect(await objects()).toEqual(was);
  expect(await exists(lab, 'namespace/elsewhere')).toBe(false);
});

describe.each([
  ['Deployment', deployment],
  ['StatefulSet', statefulSet],
])('a %s’s Redis under load', (_, owned) => {
  it('moves by the agents in the chart’s pods', async () => {
    const subject = await Subject.start(lab, owned);
    try {
      expect(await subject.move().ended).toMatchObject({ code: 0, migration: { phase: 'Succeeded' } });
      await subject.movedToTarget();
    } finally {
      await subject.end();
    }
  });
});

/** New pods of both parts, as a new image would make them. */
const round = (name: string) =>
  ['agent', 'coordinator'].flatMap((part) => ['--set-string', `${part}.podAnnotations.round=${name}`]);

const podOn = async (node: NodeName) =>
  (await agents()).find(({ spec, metadata }) => spec?.nodeName === node && metadata?.deletionTimestamp === undefined);

it('is upgraded under a migration, which ends with the pod in one place', async () => {
  const subject = await Subject.start(lab, deployment);
  try {
    const { node } = subject.placed;
    const uid = (await podOn(node))?.metadata?.uid;
    const attempt = subject.move();
    await attempt.source('Frozen');
    // It does not get any further until its agent, which drives it, is another one.
    await holdCriu(lab, node);
    const upgraded = installChart(lab, round('second'));
    await expect.poll(async () => (await podOn(node))?.metadata?.uid, { timeout: 60_000 }).not.toBe(uid);
    await letCriuGo(lab, node);
    await upgraded;
    await subject.isWhere(await attempt.ended);
  } finally {
    await subject.end();
  }
});

it('is rolled back under migrations, one after the other, and loses nothing', async () => {
  const subject = await Subject.start(lab, deployment);
  try {
    const rolledBack = runHelm(lab, ['rollback', 'podferry', '1']).then(async () => await untilRolledOut(lab));
    const phases = await subject.movesUntil(rolledBack);
    // A node whose agent is just being replaced is refused, by its name; on a busy machine that may be so all the time.
    expect(phases.filter((phase) => !['Succeeded', 'RolledBack', 'Refused'].includes(phase))).toEqual([]);
    expect((await agents()).map(({ metadata }) => metadata?.annotations?.['round'])).toEqual([undefined, undefined]);
    await expect
      .poll(async () => await subject.movesUntil(Promise.resolve()), { timeout: 60_000 })
      .toEqual(['Succeeded']);
    await subject.isSomewhere();
  } finally {
    await subject.end();
  }
});

it('is watched by a real Prometheus, by the chart’s own PodMonitor and rules', async () => {
  const { cache } = lab.state;
  await installChart(
    lab,
    ['podMonitor', 'rules', 'dashboard'].flatMap((part) => ['--set', `monitoring.${part}.enabled=true`]),
  );
  const podMonitor = JSON.parse(
    await runKubectl(lab, ['get', 'podmonitors', 'podferry', '-n', chartNamespace, '-o', 'json']),
  ) as PodMonitor;
  const pods = { kubeconfig: lab.layout.kubeconfig('admin') };
  const entrance = lab.entrance('control');
  const prometheus = await startPrometheus({ cache, podMonitor, pods, rules: [rulesFile], entrance });
  try {
    await untilUp(prometheus, lab.nodeNames.length + 2);
    // Some have something to show at moments only: while a pod moves, or after it.
    const unseen = new Set(queries(readDashboard()).map(({ expr }) => expr));
    const until = performance.now() + 60_000;
    const look = async () => {
      while (unseen.size > 0 && performance.now() < until) {
        for (const expr of unseen) if ((await prometheus.query(expr)).length > 0) unseen.delete(expr);
      }
    };
    const subject = await Subject.start(lab, deployment);
    try {
      expect(await subject.movesUntil(look())).toContain('Succeeded');
    } finally {
      await subject.end();
    }
    expect([...unseen]).toEqual([]);
    const rules = await prometheus.rules();
    expect(rules.filter(({ state, health }) => state === 'firing' || health !== 'ok')).toEqual([]);
  } finally {
    await prometheus.stop();
  }
  await installChart(lab);
  for (const file of await monitoringResources(cache, say)) await runKubectl(lab, ['delete', '-f', file]);
});

describe('helm uninstall', () => {
  it('is refused while a pod needs the handler, and says whose', async () => {
    await workloads.make(deployment('redis', podSpec([container('redis')])));
    const { name } = await thePodOf(lab, 'redis');
    const was = await objects();
    const refused = await helm(lab, ['uninstall', 'podferry', '--timeout', '2m']);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain('nothing was changed');
    expect(refused.stdout + refused.stderr).toContain(`default/${name}`);
    // What has failed stays to be looked at, and goes with the next try.
    expect((await objects()).filter((each) => !each.includes('podferry-uninstall'))).toEqual(
      was.filter((each) => !each.includes('podferry-uninstall')),
    );
    expect(await podOn('node-a')).toBeDefined();
    await workloads.remove();
  });

  it('leaves nothing but what it is told to keep, and nobody’s pod notices', async () => {
    await runHelm(lab, ['uninstall', 'podferry', '--timeout', '4m']);
    // With the definitions stay the objects, and the API that serves them.
    const rest = (await objects()).filter((each) => !/^(podmigration|podcheckpoint|apiservice)\./.test(each));
    expect(rest).toEqual([...keptCrds, `namespace/${chartNamespace}`].sort());
    await nodesAreAsBefore();
    // Kubelet collects what had ended by then, in its own time, and needs no handler for it.
    await expect.poll(async () => await sandboxes(), { timeout: 150_000, interval: 2_000 }).toBe(lab.nodeNames.length);
  });

  it('is not the end: it is installed again, and moves a pod', async () => {
    await installChart(lab, ['--set', 'crds.keep=false']);
    const subject = await Subject.start(lab, deployment);
    try {
      expect(await subject.move().ended).toMatchObject({ code: 0, migration: { phase: 'Succeeded' } });
      await subject.movedToTarget();
    } finally {
      await subject.end();
    }
  });

  it('takes the custom resources, too, when they are not to be kept', async () => {
    expect(await migrationsIn(lab, 'default')).not.toEqual([]);
    await runHelm(lab, ['uninstall', 'podferry', '--timeout', '4m']);
    expect(await objects()).toEqual([`namespace/${chartNamespace}`]);
    await nodesAreAsBefore();
  });
});

const keptCrds = ['podcheckpoints', 'podmigrations'].map(
  (kind) => `customresourcedefinition.apiextensions.k8s.io/${kind}.podferry.dev`,
);

/** How many sandboxes there are, running or not. */
async function sandboxes(): Promise<number> {
  const listed = await Promise.all(
    lab.nodeNames.map(async (node) => {
      const cri = connectCri(lab.node(node).containerd);
      try {
        return (await cri.listPodSandbox({})).items.length;
      } finally {
        cri.close();
      }
    }),
  );
  return listed.reduce((sum, each) => sum + each, 0);
}

async function nodesAreAsBefore(): Promise<void> {
  expect(await bystandersNow()).toEqual(bystandersBefore);
  for (const node of lab.nodeNames) {
    expect(await diskOf(lab, node)).toEqual(before.get(node));
    expect(await tracesOfPodferry(lab, node)).toEqual([]);
  }
}
