/** A pod leaves a checkpoint and runs on; pods begin there, as often as one likes, until it is deleted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { idOf } from '../../coordinator/checkpoint/pod-checkpoint.ts';
import { ask, open } from '../lab/index.ts';
import { kubectl, runKubectl } from '../lab/kubernetes/kubectl.ts';
import { Attempt, kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { letCriuGo } from '../integration/outage.ts';
import { contentOf, RunningWriter } from '../workloads/redis.ts';
import { clear, counter, expectUntouched, podNames, redis, runIdOf } from './checkpointed.ts';
import { askFor, type Copy, endOf, filesOf, kubectlCheckpoint, objectOf, startCopies } from './checkpoints.ts';
import { expectNothingLeft } from './leftovers.ts';
import { barePod, container, execIn, type Placed, podSpec, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
let writer: RunningWriter | undefined;

afterEach(async () => {
  await writer?.finish().catch(() => {});
  writer = undefined;
  await clear(lab, workloads);
});

async function eventsOn(uid: string): Promise<string[]> {
  const list = await runKubectl(lab, ['get', 'events', '--field-selector', `involvedObject.uid=${uid}`, '-o', 'json']);
  return (JSON.parse(list) as { items: { reason: string }[] }).items.map(({ reason }) => reason);
}

describe('a checkpoint', () => {
  it('of a Deployment’s Redis under a writer: it runs on, and two copies begin where it was, on two nodes', async () => {
    const placed = await redis(lab, workloads, 10);
    const runId = await runIdOf(lab, placed.name);
    writer = await RunningWriter.start(lab, placed.ip, { timeoutMs: 2_000 });
    const before = await contentOf(lab, placed.ip, 'w:');

    const { code, object, stderr } = await kubectlCheckpoint(lab, placed.name, '--name', 'first');
    expect(code, stderr).toBe(0);
    expect(object).toMatchObject({ name: 'first', pod: placed.name, uid: placed.uid, node: placed.node, ready: true });
    await runKubectl(lab, ['wait', '--for=condition=Ready', 'pcp/first', '--timeout=5s']);
    const taken = await objectOf(lab, 'first');
    expect(taken.status).toMatchObject({
      nodeName: placed.node,
      sourcePodUID: placed.uid,
      checkpointedContainers: ['redis'],
      ownerLabels: ['pod-template-hash'],
      checkpointLocation: { type: 'Directory', path: object?.location },
      checkpointedPodTemplate: { metadata: { labels: { app: 'redis' } }, spec: { nodeName: placed.node } },
      conditions: [{ type: 'Ready', status: 'True', reason: 'CheckpointCompleted' }],
    });
    expect(taken.status?.bytes).toBeGreaterThan(10 << 20);
    expect(taken.status?.freezeMilliseconds).toBeGreaterThan(0);
    expect(filesOf(lab)).toEqual([idOf(taken)]);
    await expectNothingLeft(lab);

    const copies = await startCopies(lab, 'first', '--replicas', '2');
    expect(copies.code, copies.stderr).toBe(0);
    const started = copies.object ?? [];
    expect(started.map(({ phase }) => phase)).toEqual(['Succeeded', 'Succeeded']);
    expect(new Set(started.map(({ node }) => node)).size).toBe(2);
    const summary = await writer.finish();
    writer = undefined;
    // No connection is refused or cut: a client only waits while the pod stands still.
    expect(summary).toMatchObject({ lost: 0, refused: 0, resets: 0, closes: 0, timeouts: 0 });
    for (const copy of started) await expectCopy(copy, placed, before, runId);
    await expectUntouched(lab, placed);
    expect(await contentOf(lab, placed.ip, 'w:')).toEqual(before);
    // Nobody adopts them, and nobody makes room for them.
    expect(await podNames(lab)).toEqual(
      [placed.name, ...started.map(({ pod }) => pod)].map((name) => `pod/${name}`).sort(),
    );
    expect(await eventsOn(placed.uid)).toEqual(expect.arrayContaining(['CheckpointInProgress', 'CheckpointCompleted']));

    // It stays, and can be used again; then it goes with its files, and the copies do not mind.
    expect((await startCopies(lab, 'first', '--to', placed.node)).code).toBe(0);
    expect((await kubectlCheckpoint(lab, 'delete', 'first')).code).toBe(0);
    await runKubectl(lab, ['wait', '--for=delete', 'pcp/first', '--timeout=30s']);
    expect(filesOf(lab)).toEqual([]);
    for (const copy of started) expect(await runIdOf(lab, copy.pod)).toBe(runId);
  });

  async function expectCopy({ pod, ip, node }: Copy, from: Placed, before: object, runId: string): Promise<void> {
    await runKubectl(lab, ['wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=30s']);
    const object = JSON.parse(await runKubectl(lab, ['get', 'pod', pod, '-o', 'json'])) as Placed['pod'];
    expect(object.metadata?.ownerReferences).toBeUndefined();
    expect(object.metadata?.labels).toEqual({ app: 'redis' });
    expect(object.metadata?.annotations).toMatchObject({ 'podferry.dev/checkpoint': 'first' });
    expect(object.spec).toMatchObject({ nodeName: node, runtimeClassName: 'podferry', hostname: from.name });
    expect(object.status?.containerStatuses).toMatchObject([{ restartCount: 0 }]);
    expect(await contentOf(lab, ip, 'w:')).toEqual(before);
    // The same process, gone on: not a Redis that has read its files.
    expect(await runIdOf(lab, pod)).toBe(runId);
  }

  it('by way of an object, of a pod that is gone when others begin there', async () => {
    const placed = await counter(lab, workloads);
    const count = Number(await ask(lab, placed.ip));
    await askFor(lab, 'kept', { sourcePod: { name: placed.name, uid: placed.uid } });
    await endOf(lab, 'kept', 'CheckpointCompleted');
    await expectUntouched(lab, placed);
    const listed = await runKubectl(lab, ['get', 'pcp', 'kept', '--no-headers']);
    expect(listed).toMatch(new RegExp(`^kept +counter +${placed.node} +True +[\\d.]+ (KiB|MiB) +`));
    await runKubectl(lab, ['delete', 'pod', placed.name, '--grace-period=1']);
    const { code, object, stderr } = await startCopies(lab, 'kept');
    expect(code, stderr).toBe(0);
    expect(Number(await ask(lab, object?.[0]?.ip ?? ''))).toBeGreaterThanOrEqual(count);
  });

  it('of several containers that share a volume, with all that is theirs', async () => {
    const shared = [{ name: 'shared', mountPath: '/shared' }];
    const spec = podSpec([container('counter', { volumeMounts: shared }), container('redis')], {
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [
        container('counter', { name: 'init', command: ['sh', '-c', 'echo done >>/shared/init'], volumeMounts: shared }),
      ],
    });
    await workloads.make(barePod('several', spec));
    const placed = await thePodOf(lab, 'several');
    await execIn(lab, placed.name, ['redis-cli', 'set', 'key', 'value'], 'redis');
    await execIn(lab, placed.name, ['sh', '-c', 'echo file >/data/own'], 'redis');
    await execIn(lab, placed.name, ['sh', '-c', 'echo shm >/dev/shm/own'], 'counter');
    expect((await kubectlCheckpoint(lab, placed.name, '--name', 'several')).code).toBe(0);
    await execIn(lab, placed.name, ['redis-cli', 'set', 'key', 'later'], 'redis');
    const { code, object = [], stderr } = await startCopies(lab, 'several', '--to', otherThan(placed.node));
    expect(code, stderr).toBe(0);
    const copy = object[0]?.pod ?? '';
    await runKubectl(lab, ['wait', '--for=condition=Ready', `pod/${copy}`, '--timeout=30s']);
    expect(await execIn(lab, copy, ['redis-cli', 'get', 'key'], 'redis')).toBe('value\n');
    expect(await execIn(lab, copy, ['cat', '/data/own'], 'redis')).toBe('file\n');
    expect(await execIn(lab, copy, ['cat', '/dev/shm/own', '/shared/init'], 'counter')).toBe('shm\ndone\n');
    await expectUntouched(lab, placed);
    expect(await execIn(lab, placed.name, ['redis-cli', 'get', 'key'], 'redis')).toBe('later\n');
  });

  it.each([
    ['StatefulSet', { serviceName: 'owned', replicas: 1 }, { app: 'owned' }],
    ['DaemonSet', {}, undefined],
  ])('of a %s’s pod: the copy is not its owner’s', async (kind, more, labels) => {
    const template = { metadata: { labels: { app: 'owned' } }, spec: podSpec([container('counter')]) };
    const spec = { ...more, selector: { matchLabels: { app: 'owned' } }, template };
    await workloads.make({ apiVersion: 'apps/v1', kind, metadata: { name: 'owned', namespace: 'default' }, spec });
    await runKubectl(lab, ['rollout', 'status', `${kind}/owned`, '--timeout=60s']);
    const [name = ''] = (await podNames(lab)).map((each) => each.replace('pod/', ''));
    const owned = await podNames(lab);
    expect((await kubectlCheckpoint(lab, name, '--name', 'owned')).code).toBe(0);
    const { code, object, stderr } = await startCopies(lab, 'owned');
    expect(code, stderr).toBe(0);
    const copy = object?.[0]?.pod ?? '';
    await runKubectl(lab, ['wait', '--for=condition=Ready', `pod/${copy}`, '--timeout=30s']);
    // A controller that took it for its own, or for one too many, would have done so by now.
    await sleep(3_000);
    const { metadata } = JSON.parse(await runKubectl(lab, ['get', 'pod', copy, '-o', 'json'])) as Placed['pod'];
    expect([metadata?.ownerReferences, metadata?.labels]).toEqual([undefined, labels]);
    expect(await podNames(lab)).toEqual([...owned, `pod/${copy}`].sort());
  });

  it('fails with its reason when there is no such pod, or another one has its name', async () => {
    const { name } = await counter(lab, workloads);
    await askFor(lab, 'nobody', { sourcePod: { name: 'nobody' } });
    expect((await endOf(lab, 'nobody', 'CheckpointFailed')).status).toMatchObject({ reason: 'PodNotFound' });
    await askFor(lab, 'replaced', { sourcePod: { name, uid: 'another' } });
    const { status } = await endOf(lab, 'replaced', 'SourcePodReplaced');
    expect(status).toMatchObject({ reason: 'SourcePodReplaced', conditions: [{ status: 'False' }] });
    const { code, stderr } = await kubectlCheckpoint(lab, 'nobody');
    expect([code, stderr]).toEqual([2, expect.stringContaining('PodNotFound')]);
    expect((await startCopies(lab, 'replaced')).stderr).toContain('CheckpointNotReady');
    expect((await startCopies(lab, 'unknown')).stderr).toContain('CheckpointNotFound');
  });

  it('does not come into the way of a migration, nor a migration into its', async () => {
    const placed = await redis(lab, workloads, 30);
    const attempt = Attempt.start(lab, placed.name, { source: placed.node, target: otherThan(placed.node) });
    await attempt.source('Prepared');
    const { code, stderr } = await kubectlCheckpoint(lab, placed.name);
    expect([code, stderr]).toEqual([2, expect.stringContaining('MigrationInProgress')]);
    expect((await attempt.ended).migration?.phase).toBe('Succeeded');
    const moved = await thePodOf(lab, 'redis');
    // It gets no further than its CRIU, which stands still as soon as there is one.
    const held = lab.run(moved.node, ['sh', '-c', 'until pkill -STOP -x criu; do sleep 0.01; done']);
    const taking = kubectlCheckpoint(lab, moved.name);
    await held;
    const back = await kubectlMigrate(lab, moved.name, '--to', otherThan(moved.node));
    await letCriuGo(lab, moved.node);
    expect([back.code, back.stderr]).toEqual([2, expect.stringContaining('MigrationInProgress')]);
    expect((await taking).code).toBe(0);
  });

  it('has a spec that stays as it is, and defaults', async () => {
    await askFor(lab, 'defaults', { sourcePod: { name: 'nobody' } });
    expect((await objectOf(lab, 'defaults')).spec).toEqual({ sourcePod: { name: 'nobody' }, timeoutSeconds: 120 });
    const patch = JSON.stringify({ spec: { timeoutSeconds: 1 } });
    const { stderr } = await kubectl(lab, ['patch', 'pcp', 'defaults', '--type=merge', '-p', patch]);
    expect(stderr).toContain('spec is immutable');
    await expect(askFor(lab, 'bad', { sourcePod: { name: '../etc' } })).rejects.toThrow('sourcePod.name');
  });
});
