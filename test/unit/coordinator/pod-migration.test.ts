/** From a request to an object and back, and from a migration to what its object says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MigrationRecord } from '../../../coordinator/migration/record.ts';
import { makePlan, readRequest } from '../../../coordinator/request.ts';
import { idOf, type PodMigration, requestOf, specOf } from '../../../coordinator/resource/pod-migration.ts';
import { amendedStatus, endedStatus, statusOf } from '../../../coordinator/resource/status.ts';
import type { MigrateRequest__Output as MigrateRequest } from '../../../proto/gen/podferry/v1/MigrateRequest.ts';
import { load } from '../../../proto/load.ts';
import { phases } from '../../../proto/phases.ts';

interface Schema {
  properties: Record<string, Schema>;
  enum?: string[];
  default?: unknown;
}

const file = join(import.meta.dirname, '../../../charts/podferry/files/crds/podmigrations.yaml');
const definition = parse(readFileSync(file, 'utf8')) as {
  spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] };
};
const { spec, status } = definition.spec.versions[0].schema.openAPIV3Schema.properties as {
  spec: Schema;
  status: Schema;
};

const least: MigrateRequest = {
  pod: { namespace: 'shop', name: 'redis-0', uid: '' },
  target_node: '',
  strategy: 'STRATEGY_UNSPECIFIED',
  transport: 'TRANSPORT_UNSPECIFIED',
  timeout_ms: 0,
  freeze_timeout_ms: 0,
  network: 'NETWORK_UNSPECIFIED',
  detach: true,
};

function objectOf(request: MigrateRequest): PodMigration {
  const uid = '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9';
  const metadata = { namespace: request.pod?.namespace ?? '', name: 'redis-0-x7', uid, resourceVersion: '1' };
  return { metadata, spec: specOf(request, 'uid-1') };
}

function recordAt(clock: () => number): MigrationRecord {
  const route = {
    sourceNode: 'node-a',
    targetNode: 'node-b',
    targetPod: { namespace: 'shop', name: 'redis-1', uid: '' },
  };
  return new MigrationRecord(
    makePlan('mig-1', readRequest(least), 'uid-1', route, { network: 'translate', network_reason: 'kept' }),
    clock,
  );
}

describe('the schema', () => {
  it('has the phases that there are', () => {
    expect(status.properties['phase']?.enum).toEqual(phases);
  });

  it('has the strategies and transports that there are', () => {
    const names = (type: 'Strategy' | 'Transport') =>
      (load('migration.proto').podferry.v1[type].type as { value: { name: string }[] }).value
        .map(({ name }) => name.replaceAll('_', '-'))
        .filter((name) => !name.endsWith('UNSPECIFIED'))
        .sort();
    expect([...(spec.properties['strategy']?.enum ?? [])].sort()).toEqual(names('Strategy'));
    // The third one is of checkpoints alone.
    const ofMigrations = names('Transport').filter((name) => name !== 'directory');
    expect([...(spec.properties['transport']?.enum ?? [])].sort()).toEqual(ofMigrations);
  });

  it('has the defaults of a request that says nothing', () => {
    const defaults = Object.entries(spec.properties).filter(([, { default: value }]) => value !== undefined);
    expect(specOf(least, '')).toMatchObject(Object.fromEntries(defaults.map(([name, each]) => [name, each.default])));
  });
});

describe('a request', () => {
  it.each<[string, Partial<MigrateRequest>]>([
    ['that says the least', {}],
    [
      'that says everything',
      {
        target_node: 'node-b',
        strategy: 'pre_copy',
        transport: 'nfs',
        timeout_ms: 60_000,
        freeze_timeout_ms: 3_000,
        linger_ms: 0,
      },
    ],
  ])('%s asks the same as an object', (_what, more) => {
    const request = { ...least, ...more };
    const wish = readRequest(requestOf(objectOf(request)));
    expect(wish).toEqual({ ...readRequest(request), pod: { namespace: 'shop', name: 'redis-0', uid: 'uid-1' } });
  });

  it('gets whole seconds, and never fewer than it asked for', () => {
    expect(specOf({ ...least, timeout_ms: 1_500, freeze_timeout_ms: 1, linger_ms: 2_001 }, '')).toMatchObject({
      timeoutSeconds: 2,
      freezeTimeoutSeconds: 1,
      lingerSeconds: 3,
    });
  });

  it('has an id that follows from its object', () => {
    expect(idOf(objectOf(least))).toBe('mig-0a1b2c3d4e5f');
  });
});

describe('the status', () => {
  let now = Date.UTC(2026, 0, 2, 3, 4, 5) + 0.25;
  const record = recordAt(() => now);

  it('says where it is', () => {
    expect(statusOf(record.snapshot(), undefined)).toMatchObject({
      id: 'mig-1',
      phase: 'Pending',
      nodeName: 'node-a',
      targetNode: 'node-b',
      sourcePodUID: 'uid-1',
      targetPod: { name: 'redis-1' },
      startTime: '2026-01-02T03:04:05.000250Z',
      committed: false,
      conditions: [
        { type: 'Succeeded', status: 'Unknown', reason: 'Pending' },
        { type: 'Committed', status: 'False', reason: 'NotCommitted' },
      ],
    });
  });

  it('keeps the time of a condition that has not changed, and the uid that was found', () => {
    const before = statusOf(record.snapshot(), undefined, { targetPodUid: 'uid-2' });
    now += 1_000;
    record.advance('Transferring');
    record.setCommitted(true);
    const status = statusOf(record.snapshot(), before);
    expect(status.targetPod).toEqual({ name: 'redis-1', uid: 'uid-2' });
    expect(status.conditions).toMatchObject([
      { status: 'Unknown', reason: 'Restoring', lastTransitionTime: '2026-01-02T03:04:05.000250Z' },
      { status: 'True', reason: 'Committed', lastTransitionTime: '2026-01-02T03:04:06.000250Z' },
    ]);
    expect(status.completionTime).toBeUndefined();
  });

  it('says how it ended', () => {
    record.end('Succeeded');
    const status = statusOf(record.snapshot(), undefined);
    expect(status).toMatchObject({ phase: 'Succeeded', completionTime: '2026-01-02T03:04:06.000250Z' });
    expect(status.conditions?.[0]).toMatchObject({ status: 'True', reason: 'Succeeded' });
    expect(status).not.toHaveProperty('reason');
    expect(status.phases?.[0]).toEqual({
      phase: 'Pending',
      startTime: '2026-01-02T03:04:05.000250Z',
      durationMilliseconds: 1_000,
    });
  });

  it('says why it rolled back', () => {
    const stopped = recordAt(() => now);
    stopped.advance('Dumping');
    stopped.end('RolledBack', { reason: 'DumpFailed', message: 'criu said no' });
    const status = statusOf(stopped.snapshot(), undefined, { message: 'cancelled too late' });
    expect(status).toMatchObject({ reason: 'DumpFailed', message: 'criu said no' });
    expect(status.conditions?.[0]).toMatchObject({ status: 'False', reason: 'DumpFailed', message: 'criu said no' });
  });

  it('of a refusal has no migration to tell of', () => {
    const refused = endedStatus('mig-1', 'Failed', { reason: 'PodNotFound', message: 'there is no pod' }, undefined);
    expect(refused).toMatchObject({ phase: 'Failed', committed: false, reason: 'PodNotFound' });
    expect(refused.conditions?.[0]).toMatchObject({ type: 'Succeeded', status: 'False', reason: 'PodNotFound' });
  });

  it('that was final stays so, with what became of it since', () => {
    const unknown = { reason: 'AgentUnreachable', message: 'nobody knows' } as const;
    const ended = endedStatus('mig-1', 'Failed', unknown, undefined);
    const amended = amendedStatus(ended, record.snapshot());
    expect(amended).toEqual({ ...ended, message: 'nobody knows; since then: Succeeded' });
    expect(amendedStatus(amended, record.snapshot())).toBe(amended);
  });
});
