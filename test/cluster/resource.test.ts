/** Migrations as objects: what the API server makes of a PodMigration, and what the coordinator does about it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { finalizer, idOf, type PodMigration, type Spec } from '../../coordinator/resource/pod-migration.ts';
import { daemonPid, open, type Place, startCoordinator, stopCoordinator } from '../lab/index.ts';
import { apply, kubectl, runKubectl } from '../lab/kubernetes/kubectl.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { Part, repair } from '../integration/outage.ts';
import { expectNothingLeft } from './leftovers.ts';
import { barePod, container, namespace, podSpec, type Placed, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
const stopped = new Set<number>();

afterEach(async () => {
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
  stopped.clear();
  await repair(lab);
  await runKubectl(lab, ['delete', 'podmigrations', '--all', '--timeout=60s']);
  await workloads.remove();
  await expectNothingLeft(lab);
});

/** As if its machine were busy: it goes on when it is let. */
async function suspend(place: Place, daemon: string): Promise<() => void> {
  const pid = await daemonPid(lab.layout, lab.entrance(place), daemon);
  if (pid === undefined) throw new Error(`${daemon} does not run`);
  process.kill(pid, 'SIGSTOP');
  stopped.add(pid);
  return () => {
    stopped.delete(pid);
    process.kill(pid, 'SIGCONT');
  };
}

async function ask(name: string, spec: object): Promise<void> {
  await apply(lab, [
    { apiVersion: 'podferry.dev/v1alpha1', kind: 'PodMigration', metadata: { name, namespace }, spec },
  ]);
}

async function get(name: string): Promise<PodMigration> {
  return JSON.parse(await runKubectl(lab, ['get', 'podmigration', name, '-o', 'json'])) as PodMigration;
}

async function all(): Promise<PodMigration[]> {
  return (JSON.parse(await runKubectl(lab, ['get', 'pm', '-o', 'json'])) as { items: PodMigration[] }).items;
}

async function phaseIs(name: string, phase: string): Promise<void> {
  await runKubectl(lab, ['wait', `--for=jsonpath={.status.phase}=${phase}`, `pm/${name}`, '--timeout=60s']);
}

/** Reasons of the events on an object. */
async function eventsOn(uid: string): Promise<string[]> {
  const list = await runKubectl(lab, ['get', 'events', '--field-selector', `involvedObject.uid=${uid}`, '-o', 'json']);
  const { items } = JSON.parse(list) as { items: { reason: string; reportingComponent: string }[] };
  return items
    .filter(({ reportingComponent }) => reportingComponent.startsWith('podferry'))
    .map(({ reason }) => reason);
}

async function counter(): Promise<Placed> {
  await workloads.make(barePod('counter', podSpec([container('counter')])));
  return await thePodOf(lab, 'counter');
}

describe('the schema', () => {
  it('has defaults, and a spec that stays as it is', async () => {
    await ask('defaults', { sourcePod: { name: 'nobody' } });
    const { spec } = await get('defaults');
    expect(spec).toEqual({
      sourcePod: { name: 'nobody' },
      strategy: 'auto',
      transport: 'stream',
      timeoutSeconds: 120,
      freezeTimeoutSeconds: 10,
      lingerSeconds: 2,
      connectionLinger: '30s',
    } satisfies Spec);
    const patch = ['patch', 'pm', 'defaults', '--type=merge', '-p', JSON.stringify({ spec: { targetNode: 'node-b' } })];
    expect((await kubectl(lab, patch)).stderr).toContain('spec is immutable');
  });

  it.each([
    ['no pod', {}, 'sourcePod'],
    ['no name', { sourcePod: {} }, 'name'],
    ['a path for a pod', { sourcePod: { name: '../etc' } }, 'sourcePod.name'],
    ['an unknown strategy', { sourcePod: { name: 'p' }, strategy: 'teleport' }, 'strategy'],
    ['an unknown transport', { sourcePod: { name: 'p' }, transport: 'pigeon' }, 'transport'],
    ['no time at all', { sourcePod: { name: 'p' }, timeoutSeconds: 0 }, 'timeoutSeconds'],
    ['an endless freeze', { sourcePod: { name: 'p' }, freezeTimeoutSeconds: 601 }, 'freezeTimeoutSeconds'],
    ['an unknown network', { sourcePod: { name: 'p' }, network: 'magic' }, 'network'],
    ['connections without a span', { sourcePod: { name: 'p' }, connectionLinger: '30' }, 'connectionLinger'],
    ['connections for longer than a day', { sourcePod: { name: 'p' }, connectionLinger: '25h' }, 'connectionLinger'],
    ['a time that is none', { sourcePod: { name: 'p' }, ttlSecondsAfterFinished: -1 }, 'ttlSecondsAfterFinished'],
    ['another namespace', { sourcePod: { name: 'p', namespace: 'kube-system' } }, 'namespace'],
  ])('refuses %s', async (_what, spec, field) => {
    await expect(ask('bad', spec)).rejects.toThrow(field);
  });
});

describe('an object', () => {
  it('moves a pod, and says how', async () => {
    const placed = await counter();
    const targetNode = otherThan(placed.node);
    await ask('move', { sourcePod: { name: placed.name }, targetNode, lingerSeconds: 0 });
    await runKubectl(lab, ['wait', '--for=condition=Succeeded', 'pm/move', '--timeout=60s']);
    const moved = await thePodOf(lab, 'counter');
    expect(moved.node).toBe(targetNode);
    await expect.poll(async () => (await get('move')).metadata.finalizers).toBeUndefined();
    const object = await get('move');
    expect(object.status).toMatchObject({
      id: idOf(object),
      phase: 'Succeeded',
      nodeName: placed.node,
      targetNode,
      sourcePodUID: placed.uid,
      targetPod: { name: moved.name, uid: moved.uid },
      committed: true,
    });
    expect(object.status?.phases?.map(({ phase }) => phase)).toContain('PreCopying');
    const [titles, row] = (await runKubectl(lab, ['get', 'podmig'])).trim().split('\n');
    expect(titles?.split(/\s+/)).toEqual(['NAME', 'POD', 'FROM', 'TO', 'PHASE', 'FREEZE', 'AGE']);
    expect(row).toMatch(new RegExp(`^move +${placed.name} +${placed.node} +${targetNode} +Succeeded +\\d+ms `));
    const told = async () => [
      await eventsOn(object.metadata.uid),
      await eventsOn(placed.uid),
      await eventsOn(moved.uid),
    ];
    await expect
      .poll(told, { timeout: 10_000 })
      .toEqual([
        expect.arrayContaining(['Preparing', 'Freezing', 'Restoring', 'Succeeded']),
        expect.arrayContaining(['Preparing', 'Freezing', 'Succeeded']),
        ['Succeeded'],
      ]);
  });

  it('goes by itself when its time after the end is over, and not before', async () => {
    const placed = await counter();
    const sourcePod = { name: placed.name };
    await ask('goes', { sourcePod, lingerSeconds: 0, ttlSecondsAfterFinished: 4 });
    await ask('refused', { sourcePod: { name: 'nobody' }, ttlSecondsAfterFinished: 0 });
    await ask('stays', { sourcePod: { name: 'nobody' } });
    await runKubectl(lab, ['wait', '--for=condition=Succeeded', 'pm/goes', '--timeout=60s']);
    const { completionTime = '' } = (await get('goes')).status ?? {};
    await runKubectl(lab, ['wait', '--for=delete', 'pm/goes', '--timeout=30s']);
    expect(Date.now() - Date.parse(completionTime)).toBeGreaterThanOrEqual(4_000);
    expect((await all()).map(({ metadata }) => metadata.name)).toEqual(['stays']);
    expect((await thePodOf(lab, 'counter')).node).toBe(otherThan(placed.node));
  });

  it('that is refused says why, and nothing is touched', async () => {
    const { node, name, uid } = await counter();
    await ask('nowhere', { sourcePod: { name }, targetNode: node });
    await phaseIs('nowhere', 'Failed');
    const { status } = await get('nowhere');
    expect(status).toMatchObject({ reason: 'SameNode', committed: false });
    expect(status?.conditions?.[0]).toMatchObject({ type: 'Succeeded', status: 'False', reason: 'SameNode' });
    await ask('old', { sourcePod: { name, uid: 'another' } });
    await phaseIs('old', 'Failed');
    expect((await get('old')).status?.reason).toBe('PodNotFound');
    expect((await thePodOf(lab, 'counter')).uid).toBe(uid);
  });

  it('that is deleted while it is under way is taken back', async () => {
    const { node, name, uid } = await counter();
    await suspend(otherThan(node), `${otherThan(node)}.kubelet`);
    await ask('regretted', { sourcePod: { name }, targetNode: otherThan(node) });
    await phaseIs('regretted', 'Preparing');
    const { metadata } = await get('regretted');
    const deleted = runKubectl(lab, ['delete', 'pm', 'regretted', '--timeout=60s']);
    // The target's pod goes when its kubelet has nothing of it.
    await sleep(500);
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
    await deleted;
    expect((await thePodOf(lab, 'counter')).uid).toBe(uid);
    await expect.poll(async () => await eventsOn(metadata.uid), { timeout: 10_000 }).toContain('Cancelled');
  });

  it('that is deleted too late is deleted when it has ended', async () => {
    const { node, name } = await counter();
    await ask('late', { sourcePod: { name }, targetNode: otherThan(node), lingerSeconds: 5 });
    await phaseIs('late', 'Completing');
    const { metadata } = await get('late');
    await runKubectl(lab, ['delete', 'pm', 'late', '--wait=false']);
    await expect.poll(async () => (await get('late')).status?.message).toContain('too late to cancel');
    await runKubectl(lab, ['wait', '--for=delete', 'pm/late', '--timeout=60s']);
    expect((await thePodOf(lab, 'counter')).node).toBe(otherThan(node));
    await expect
      .poll(async () => await eventsOn(metadata.uid))
      .toEqual(expect.arrayContaining(['TooLate', 'Succeeded']));
  });

  it.each([
    ['that was not committed has been rolled back', false, 'RolledBack', 'CoordinatorRestarted'],
    ['that was committed has succeeded when its target runs', true, 'Succeeded', undefined],
  ])('that no agent knows of any more, and %s', async (_what, committed, phase, reason) => {
    const { node, name, uid } = await counter();
    await stopCoordinator(lab, 'SIGKILL');
    try {
      await ask('lost', { sourcePod: { name } });
      const held = JSON.stringify({ metadata: { finalizers: [finalizer] } });
      await runKubectl(lab, ['patch', 'pm', 'lost', '--type=merge', '-p', held]);
      const pods = committed ? { sourcePodUID: 'gone', targetPod: { name, uid } } : { sourcePodUID: uid };
      const status = { phase: 'Completing', committed, nodeName: node, targetNode: otherThan(node), ...pods };
      const said = JSON.stringify({ status });
      await runKubectl(lab, ['patch', 'pm', 'lost', '--subresource=status', '--type=merge', '-p', said]);
    } finally {
      await startCoordinator(lab);
    }
    await phaseIs('lost', phase);
    expect((await get('lost')).status?.reason).toBe(reason);
    expect((await thePodOf(lab, 'counter')).uid).toBe(uid);
  });

  it('ends, though the coordinator that had begun it is killed', async () => {
    const { node, name, uid } = await counter();
    const resume = await suspend(otherThan(node), `${otherThan(node)}.kubelet`);
    await ask('orphan', { sourcePod: { name }, targetNode: otherThan(node) });
    await phaseIs('orphan', 'Preparing');
    const coordinator = await Part.coordinator(lab);
    coordinator.kill();
    resume();
    await coordinator.startAgain();
    await runKubectl(lab, ['wait', '--for=condition=Succeeded=False', 'pm/orphan', '--timeout=90s']);
    expect((await get('orphan')).status).toMatchObject({ phase: 'RolledBack', reason: 'CoordinatorRestarted' });
    expect((await thePodOf(lab, 'counter')).uid).toBe(uid);
  });

  it('has its end written when the API server was away for it', async () => {
    const { node, name } = await counter();
    await ask('unheard', { sourcePod: { name }, targetNode: otherThan(node), lingerSeconds: 1 });
    await phaseIs('unheard', 'Completing');
    const resume = await suspend('control', 'kube-apiserver');
    await sleep(12_000);
    resume();
    await runKubectl(lab, ['wait', '--for=condition=Succeeded', 'pm/unheard', '--timeout=60s']);
    expect((await thePodOf(lab, 'counter')).node).toBe(otherThan(node));
  });
});

describe('kubectl migrate', () => {
  it('makes an object, and that is what is carried out', async () => {
    const { node, name, uid } = await counter();
    const { code, migration, stderr } = await kubectlMigrate(lab, name, '--to', otherThan(node), '--linger', '0s');
    expect(code, stderr).toBe(0);
    await expect.poll(async () => (await all()).map(({ status }) => status?.phase)).toEqual(['Succeeded']);
    const [object] = await all();
    expect(object?.metadata.name).toMatch(/^counter-[a-z0-9]{5}$/);
    expect(object?.metadata.annotations).toHaveProperty(['podferry.dev/asked-by']);
    expect(object?.spec).toMatchObject({ sourcePod: { name, uid }, targetNode: otherThan(node), lingerSeconds: 0 });
    expect(migration?.id).toBe(object?.status?.id);
  });

  it('makes none of what is refused', async () => {
    const { node, name } = await counter();
    const { code, stderr } = await kubectlMigrate(lab, name, '--to', node);
    expect([code, stderr]).toEqual([2, expect.stringContaining('SameNode')]);
    expect(await all()).toEqual([]);
  });
});
