/** What a cluster's pods have that cannot move: refused with a reason, and nothing is touched. */
import { afterEach, describe, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { runKubectl } from '../lab/kubernetes/kubectl.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { askCoordinator } from '../integration/ask-part.ts';
import { expectNothingLeft } from './leftovers.ts';
import { barePod, container, deployment, podsOf, podSpec, statefulSet, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);

afterEach(async () => {
  await workloads.remove();
  await expectNothingLeft(lab);
});

/** Of the one pod of an app. */
async function expectRefused(app: string, reason: string, message: RegExp, target?: string): Promise<void> {
  const placed = await thePodOf(lab, app);
  const pod = { namespace: 'default', name: placed.name };
  const asked = await askCoordinator(lab, 'Migrate', { pod, target_node: target ?? otherThan(placed.node) });
  expect(asked).toMatchObject({ reason, replies: [] });
  expect(asked.message).toMatch(message);
  const after = await podsOf(lab, app);
  expect(after.map(({ metadata }) => metadata?.uid)).toEqual([placed.uid]);
}

const labels = { app: 'owned' };
const daemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'owned', namespace: 'default' },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpec([container('counter')]) },
  },
};

describe('a pod that cannot move', () => {
  it('of a DaemonSet', async () => {
    await workloads.make(daemonSet);
    await expect.poll(async () => (await podsOf(lab, 'owned')).length, { timeout: 20_000 }).toBe(2);
    const [pod] = await podsOf(lab, 'owned');
    const ref = { namespace: 'default', name: pod?.metadata?.name };
    const asked = async () => await askCoordinator(lab, 'Migrate', { pod: ref, target_node: 'node-a' });
    await expect
      .poll(async () => (await asked()).message, { timeout: 20_000 })
      .toMatch(/DaemonSet owned has one on every node/);
    expect(await asked()).toMatchObject({ reason: 'RuntimeUnsupported' });
  });

  it('of a StatefulSet under another runtime class: it could not be kept alive without its object', async () => {
    const { runtimeClassName: _ours, ...spec } = podSpec([container('counter')]);
    await workloads.make(statefulSet('owned', spec));
    await expectRefused(
      'owned',
      'RuntimeUnsupported',
      /StatefulSet owned does not run under runtimeClassName podferry/,
    );
  });

  it('of a StatefulSet in the middle of a roll-out', async () => {
    await workloads.make(statefulSet('owned', podSpec([container('counter')])));
    await thePodOf(lab, 'owned');
    const template = { metadata: { annotations: { new: 'revision' } } };
    const change = JSON.stringify({ spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null }, template } });
    await runKubectl(lab, ['patch', 'statefulset', 'owned', '--type=merge', '-p', change]);
    const status = ['get', 'statefulset', 'owned', '-o', 'jsonpath={.status.currentRevision} {.status.updateRevision}'];
    const revisions = async () => new Set((await runKubectl(lab, status)).split(' ')).size;
    await expect.poll(revisions, { timeout: 10_000 }).toBe(2);
    await expectRefused('owned', 'PodNotRunning', /StatefulSet owned is being rolled out/);
  });

  it('of a StatefulSet that CRIU cannot dump: that is found out while it still has its object', async () => {
    await workloads.make(statefulSet('redis', podSpec([container('redis')])));
    const { node, name, uid } = await thePodOf(lab, 'redis');
    const pid = (await lab.run(node, ['pgrep', '-x', 'redis-server'])).trim();
    // A kind of file system that CRIU does not know.
    const within = ['nsenter', '-t', pid, '-m', '--'];
    await lab.run(node, [...within, '/bin/mount', '-t', 'ramfs', 'none', '/tmp']);
    const { code, migration } = await kubectlMigrate(lab, name, '--to', otherThan(node));
    await lab.run(node, [...within, '/bin/umount', '/tmp']);
    expect(code).toBe(1);
    expect(migration).toMatchObject({ phase: 'RolledBack', reason: 'DumpFailed' });
    expect((await thePodOf(lab, 'redis')).uid).toBe(uid);
  });

  it('with a directory of its node', async () => {
    const volumes = [{ name: 'srv', hostPath: { path: '/srv' } }];
    const mounts = [{ name: 'srv', mountPath: '/srv' }];
    await workloads.make(barePod('host', podSpec([container('counter', { volumeMounts: mounts })], { volumes })));
    await expectRefused('host', 'HostPathVolume', /mounts \/srv of its node on \/srv/);
  });

  it.each([
    ['its node’s network', { hostNetwork: true }, 'HostNamespace'],
    ['its node’s processes in sight', { hostPID: true }, 'HostNamespace'],
    ['one process namespace for all containers', { shareProcessNamespace: true }, 'HostNamespace'],
  ])('with %s', async (_, spec, reason) => {
    await workloads.make(barePod('host', podSpec([container('counter')], spec)));
    await expectRefused('host', reason, /namespace/);
  });

  it('that is privileged', async () => {
    await workloads.make(barePod('host', podSpec([container('counter', { securityContext: { privileged: true } })])));
    await expectRefused('host', 'PrivilegedContainer', /privileged/);
  });
});

describe('a node that cannot take it', () => {
  const cpu = (much: string) => ({ resources: { requests: { cpu: much } } });

  it('that is cordoned', async () => {
    await workloads.make(deployment('counter', podSpec([container('counter')])));
    const target = otherThan((await thePodOf(lab, 'counter')).node);
    await runKubectl(lab, ['cordon', target]);
    try {
      await expectRefused('counter', 'NodeNotReady', /is cordoned/, target);
      // Nor is it picked.
      await expectRefused('counter', 'NodeNotFound', /no node can take pod .* is cordoned/, '');
    } finally {
      await runKubectl(lab, ['uncordon', target]);
    }
  });

  it('that has a taint which the pod does not tolerate', async () => {
    await workloads.make(deployment('counter', podSpec([container('counter')])));
    const target = otherThan((await thePodOf(lab, 'counter')).node);
    await runKubectl(lab, ['taint', 'node', target, 'keep=out:NoSchedule']);
    try {
      await expectRefused('counter', 'NodeNotReady', /has the taint keep:NoSchedule/, target);
    } finally {
      await runKubectl(lab, ['taint', 'node', target, 'keep=out:NoSchedule-']);
    }
  });

  it('that the pod’s selector does not mean', async () => {
    await workloads.make(
      barePod('picky', podSpec([container('counter')], { nodeSelector: { 'kubernetes.io/hostname': 'node-a' } })),
    );
    await expectRefused('picky', 'NodeNotReady', /kubernetes.io\/hostname=node-a/);
  });

  it('that has no room', async () => {
    await workloads.make(barePod('large', podSpec([container('counter', cpu('1500m'))])));
    const { node } = await thePodOf(lab, 'large');
    const spec = podSpec([container('counter', cpu('1'))], {
      nodeSelector: { 'kubernetes.io/hostname': otherThan(node) },
    });
    await workloads.make(barePod('filler', spec));
    await thePodOf(lab, 'filler');
    await expectRefused('large', 'NodeNotReady', /has too little cpu: 1.5 asked for, 1 of 2 free/);
  });

  it('that Kubernetes does not know', async () => {
    await workloads.make(deployment('counter', podSpec([container('counter')])));
    await expectRefused('counter', 'NodeNotFound', /node-z/, 'node-z');
  });
});
