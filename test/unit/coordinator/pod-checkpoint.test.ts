/** What is to be done about a PodCheckpoint, and what it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  idOf,
  type PodCheckpoint,
  podCheckpoints,
  stateOf,
  type Status,
  taskOf,
} from '../../../coordinator/checkpoint/pod-checkpoint.ts';
import { begunStatus, failedStatus, takenStatus, toMessage } from '../../../coordinator/checkpoint/status.ts';
import { targetNameOf, targetPodOf } from '../../../coordinator/cluster/kubernetes/target-pod.ts';
import { podOf } from '../../../coordinator/cluster/kubernetes/template.ts';
import type { Plan } from '../../../coordinator/request.ts';
import { Fault } from '../../../proto/fault.ts';

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
}

const file = join(import.meta.dirname, '../../../charts/podferry/files/crds/podcheckpoints.yaml');
const { spec } = parse(readFileSync(file, 'utf8')) as {
  spec: { names: { kind: string; plural: string }; versions: [{ schema: { openAPIV3Schema: Schema } }] };
};
const schema = spec.versions[0].schema.openAPIV3Schema;

/** Paths that the API server would throw away. */
function unknownIn(value: unknown, known: Schema, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => unknownIn(each, known.items ?? {}, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [];
  if (known['x-kubernetes-preserve-unknown-fields'] === true) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const of = known.properties?.[name] ?? known.additionalProperties;
    return of === undefined ? [`${path}.${name}`] : unknownIn(each, of, `${path}.${name}`);
  });
}

const pod: V1Pod = {
  metadata: {
    namespace: 'shop',
    name: 'redis-7d-x1',
    generateName: 'redis-7d-',
    uid: 'uid-1',
    labels: { app: 'redis', 'pod-template-hash': '7d' },
    annotations: { note: 'kept' },
  },
  spec: { nodeName: 'node-a', containers: [{ name: 'redis', image: 'redis' }] },
};
const now = Date.parse('2026-01-02T03:04:05.000Z');
const begun = begunStatus('ckp-1', 'node-a', pod, ['pod-template-hash'], now);
const facts = { directory: '/shared/checkpoints/ckp-1', digest: 'sha256:0a', bytes: 17 << 20, freezeMs: 81.23456 };
const taken = takenStatus('ckp-1', { ...facts, containers: ['redis'] }, now + 2_000);
const failed = failedStatus(new Fault('DumpFailed', 'criu said no'), true, now + 1_000);

/** As a merge patch leaves it. */
function object(...statuses: Status[]): PodCheckpoint {
  const merged = Object.assign({}, ...statuses) as Record<string, unknown>;
  const there = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
  return {
    metadata: {
      namespace: 'shop',
      name: 'first',
      uid: '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9',
      resourceVersion: '1',
      creationTimestamp: '2026-01-02T03:04:04Z',
    },
    spec: { sourcePod: { name: 'redis-7d-x1' }, timeoutSeconds: 120 },
    ...(statuses.length > 0 && { status: there }),
  };
}

const deleted = (of: PodCheckpoint): PodCheckpoint => ({
  ...of,
  metadata: { ...of.metadata, deletionTimestamp: '2026-01-02T03:05:00Z' },
});

describe('the schema', () => {
  it('is of the kind that is watched, and keeps all that is written', () => {
    expect(spec.names).toMatchObject({ kind: podCheckpoints.kind, plural: podCheckpoints.plural });
    for (const status of [begun, taken, failed, object(begun, taken).status]) {
      expect(unknownIn(status, schema.properties?.['status'] ?? {})).toEqual([]);
    }
    expect(unknownIn(object().spec, schema.properties?.['spec'] ?? {})).toEqual([]);
  });
});

describe('an object', () => {
  it('has an id that agents take, and the same for the same object', () => {
    expect(idOf(object())).toBe('ckp-0a1b2c3d4e5f');
  });

  it.each([
    ['new', [], 'start', 'none', 'erase'],
    ['underWay', [begun], 'settle', 'none', 'erase'],
    ['ready', [begun, taken], 'none', 'none', 'erase'],
    ['failed', [begun, failed], 'none', 'none', 'erase'],
    ['failed', [failed], 'none', 'none', 'erase'],
  ] as const)('that is %s', (state, statuses, idle, active, gone) => {
    const one = object(...statuses);
    expect(stateOf(one)).toBe(state);
    expect(taskOf(one, true, false)).toBe(idle);
    expect(taskOf(one, true, true)).toBe(active);
    expect(taskOf(deleted(one), true, false)).toBe(gone);
    expect(taskOf(deleted(one), true, true)).toBe('cancel');
    expect(taskOf(deleted(one), false, false)).toBe('none');
  });

  it('says where its files are as long as there may be any', () => {
    expect(object(begun).status?.checkpointLocation).toEqual({ type: 'Directory', id: 'ckp-1' });
    expect(object(begun, taken).status?.checkpointLocation).toMatchObject({
      path: facts.directory,
      digest: 'sha256:0a',
    });
    expect(object(begun, failed).status).not.toHaveProperty('checkpointLocation');
    const left = failedStatus(new Fault('AgentUnreachable', 'away'), false, now);
    expect(object(begun, left).status?.checkpointLocation).toEqual({ type: 'Directory', id: 'ckp-1' });
  });

  it('says in Kubernetes’ words how it is', () => {
    const ready = (status: Status) => status.conditions?.map(({ status: is, reason }) => [is, reason]);
    expect(ready(begun)).toEqual([['False', 'CheckpointInProgress']]);
    expect(ready(taken)).toEqual([['True', 'CheckpointCompleted']]);
    expect(ready(failed)).toEqual([['False', 'CheckpointFailed']]);
    const replaced = failedStatus(new Fault('SourcePodReplaced', 'another'), true);
    expect([ready(replaced), replaced.reason]).toEqual([[['False', 'SourcePodReplaced']], 'SourcePodReplaced']);
  });

  it('is told over gRPC as it stands', () => {
    expect(toMessage(object(begun, taken))).toMatchObject({
      ...{ namespace: 'shop', name: 'first', node: 'node-a', ended: true, ready: true, outcome: null },
      pod: { namespace: 'shop', name: 'redis-7d-x1', uid: 'uid-1' },
      ...{ bytes: String(17 << 20), freeze_ms: 81.235, total_ms: 2_000, location: facts.directory },
    });
    expect(toMessage(object(begun, failed))).toMatchObject({
      ...{ ended: true, ready: false, outcome: { reason: 'DumpFailed', message: 'criu said no' } },
    });
    expect(toMessage(object(begun), now + 500)).toMatchObject({ ended: false, ready: false, total_ms: 500 });
  });
});

it('a copy is the pod, but nobody’s, under another name, on its node', () => {
  const template = object(begun).status?.checkpointedPodTemplate;
  if (template === undefined || template === null) throw new Error('it has a template');
  const again = podOf(template, 'shop', 'redis-7d-x1', 'first');
  const id = 'cpy-abcd1234';
  const name = targetNameOf(again, id);
  expect(name).toBe('redis-7d-abcd1234');
  const plan = { id, target_node: 'node-b', target_pod: { namespace: 'shop', name, uid: '' } } as Plan;
  expect(targetPodOf(again, plan, ['pod-template-hash'])).toMatchObject({
    metadata: {
      ...{ namespace: 'shop', name, labels: { app: 'redis' } },
      annotations: { note: 'kept', 'podferry.dev/checkpoint': 'first', 'podferry.dev/migration': id },
    },
    spec: { nodeName: 'node-b', runtimeClassName: 'podferry', hostname: 'redis-7d-x1' },
  });
});
