/** What is against an uninstall, and what people have to know of what stays. */
import type { V1Pod } from '@kubernetes/client-node';
import { expect, it } from 'vitest';
import type { PodCheckpoint } from '../../../coordinator/checkpoint/pod-checkpoint.ts';
import type { PodMigration } from '../../../coordinator/resource/pod-migration.ts';
import type { Situation } from '../../../coordinator/uninstall/look.ts';
import { refusals, remains } from '../../../coordinator/uninstall/refuse.ts';

const nothing: Situation = { migrations: [], checkpoints: [], pods: [], hasCoordinator: true };
const keeping = true;
const deleting = false;

function metadata(name: string, { finalizers = [] as string[], leaving = false } = {}) {
  const deletion = leaving ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {};
  return { namespace: 'demo', name, uid: name, resourceVersion: '1', finalizers, ...deletion };
}

function migration(name: string, phase: string | undefined, about = {}): PodMigration {
  const spec = {} as PodMigration['spec'];
  return { metadata: metadata(name, about), spec, ...(phase !== undefined && { status: { phase } }) } as PodMigration;
}

function checkpoint(name: string, status: string | undefined, reason = '', about = {}): PodCheckpoint {
  const conditions = status === undefined ? [] : [{ type: 'Ready', status, reason }];
  return { metadata: metadata(name, about), spec: {}, status: { conditions } } as unknown as PodCheckpoint;
}

function pod(name: string, phase: string, owner?: string): V1Pod {
  const ownerReferences = owner === undefined ? [] : [{ apiVersion: '', kind: 'StatefulSet', name: owner, uid: '' }];
  return {
    metadata: {
      namespace: 'demo',
      name,
      ownerReferences: ownerReferences.map((each) => ({ ...each, controller: true })),
    },
    spec: { containers: [], nodeName: 'node-a' },
    status: { phase },
  };
}

const held = { finalizers: ['podferry.dev/migration'] };
const kept = { finalizers: ['podferry.dev/checkpoint'] };

it('nothing is against it where nobody needs it', () => {
  const situation = {
    ...nothing,
    migrations: [migration('a', 'Succeeded'), migration('b', 'RolledBack'), migration('c', 'Failed')],
    checkpoints: [checkpoint('d', 'True', '', kept), checkpoint('e', 'False', 'DumpFailed', kept)],
  };
  expect(refusals(situation, keeping)).toEqual([]);
  expect(refusals(situation, deleting)).toEqual([]);
});

it.each<[string, Partial<Situation>, RegExp]>([
  ['a migration that has not begun', { migrations: [migration('m', undefined)] }, /demo\/m \(not begun\)/],
  ['one under way', { migrations: [migration('m', 'Restoring', held)] }, /not ended[^]*demo\/m \(Restoring\)/],
  ['a new checkpoint', { checkpoints: [checkpoint('c', undefined)] }, /not complete[^]*demo\/c/],
  ['one under way', { checkpoints: [checkpoint('c', 'False', 'CheckpointInProgress')] }, /not complete[^]*demo\/c/],
  ['a pod', { pods: [pod('p', 'Running', 'redis')] }, /handler podferry[^]*demo\/p \(StatefulSet redis, on node-a\)/],
  ['a pod of nobody', { pods: [pod('p', 'Pending')] }, /take runtimeClassName out[^]*of no owner/],
])('%s is, whatever becomes of the resources', (_what, part, words) => {
  for (const intent of [keeping, deleting]) {
    const against = refusals({ ...nothing, ...part }, intent);
    expect(against).toHaveLength(1);
    expect(against[0]).toMatch(words);
  }
});

it('a pod that has ended is not: it has no shim any more that would call the wrapper', () => {
  const situation = { ...nothing, pods: [pod('p', 'Succeeded'), pod('q', 'Failed')] };
  expect(refusals(situation, keeping)).toEqual([]);
});

it('what is on its way out has to be out, if its definition stays', () => {
  const situation = {
    ...nothing,
    migrations: [migration('m', 'Succeeded', held)],
    checkpoints: [checkpoint('c', 'True', '', { ...kept, leaving: true })],
  };
  expect(refusals(situation, keeping)).toEqual([
    expect.stringMatching(/on their way out.*try again[^]*PodMigration demo\/m[^]*PodCheckpoint demo\/c/),
  ]);
  expect(refusals(situation, deleting)).toEqual([]);
  const unfinished = { ...nothing, checkpoints: [checkpoint('c', undefined, '', { ...kept, leaving: true })] };
  expect(refusals(unfinished, keeping)).toEqual([expect.stringContaining('on their way out')]);
  expect(refusals({ ...situation, hasCoordinator: false }, keeping)[0]).toMatch(/helm rollback/);
});

it('what is held cannot be deleted without a coordinator', () => {
  const situation = { ...nothing, hasCoordinator: false, checkpoints: [checkpoint('c', 'True', '', kept)] };
  expect(refusals(situation, deleting)).toEqual([expect.stringMatching(/no coordinator.*helm rollback[^]*demo\/c/)]);
  expect(refusals(situation, keeping)).toEqual([]);
  const free = { ...situation, checkpoints: [checkpoint('c', 'True', '', { finalizers: ['somebody/else'] })] };
  expect(refusals(free, deleting)).toEqual([]);
});

it('names ten, and how many more there are', () => {
  const pods = Array.from({ length: 12 }, (_, index) => pod(`p${index}`, 'Running'));
  const [against = ''] = refusals({ ...nothing, pods }, keeping);
  expect(against.split('\n')).toHaveLength(12);
  expect(against).toMatch(/demo\/p9 .*\n {4}and 2 more$/);
  expect(refusals({ ...nothing, pods: pods.slice(0, 10) }, keeping)[0]).not.toContain('more');
});

it('says what stays, and what that means', () => {
  const situation = {
    ...nothing,
    migrations: [migration('m', 'Succeeded')],
    checkpoints: [checkpoint('c', 'True', '', kept), checkpoint('d', 'False', 'DumpFailed')],
  };
  expect(remains(situation, keeping)).toEqual([
    'PodMigrations that stay: 1, which nothing holds',
    expect.stringMatching(/^PodCheckpoints that stay, with their files: 1\. Their finalizer podferry.dev\/checkpoint/),
  ]);
  expect(remains(situation, deleting)).toEqual([]);
  expect(remains(nothing, keeping)).toEqual([]);
});
