/** What is done about an object, and when its status is written. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MigrationRecord } from '../../../coordinator/migration/record.ts';
import { makePlan, readRequest } from '../../../coordinator/request.ts';
import { dueAt, Mirror } from '../../../coordinator/resource/mirror.ts';
import { finalizer, type PodMigration, requestOf, type Status } from '../../../coordinator/resource/pod-migration.ts';
import { goesIn, type Known, type Remains, settle, type Task, taskOf } from '../../../coordinator/resource/task.ts';
import type { Phase } from '../../../proto/phases.ts';
import { until } from './until.ts';

interface Traits {
  held?: boolean;
  deleted?: boolean;
  phase?: Phase;
}

function object({ held = false, deleted = false, phase }: Traits = {}): PodMigration {
  return {
    metadata: {
      namespace: 'default',
      name: 'm',
      uid: 'a-b',
      resourceVersion: '1',
      finalizers: held ? [finalizer] : ['somebody/else'],
      ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: {
      sourcePod: { name: 'redis' },
      strategy: 'auto',
      transport: 'stream',
      timeoutSeconds: 120,
      freezeTimeoutSeconds: 10,
      lingerSeconds: 2,
    },
    ...(phase !== undefined && { status: { phase } }),
  };
}

it.each<[string, Traits, Known, Task]>([
  ['is new', {}, 'nothing', 'start'],
  ['is new and deleted already', { deleted: true }, 'nothing', 'none'],
  ['was held by one who died before it could begin', { held: true }, 'nothing', 'start'],
  ['was held so, and deleted since', { held: true, deleted: true }, 'nothing', 'drop'],
  ['is under way', { held: true, phase: 'Dumping' }, 'active', 'follow'],
  ['is under way and unknown to its status', { held: true }, 'active', 'follow'],
  ['is under way and deleted', { held: true, deleted: true, phase: 'Dumping' }, 'active', 'cancel'],
  ['has ended, and its status does not say so', { held: true, phase: 'Completing' }, 'ended', 'follow'],
  ['has ended so while it was deleted', { held: true, deleted: true, phase: 'Completing' }, 'ended', 'follow'],
  ['was begun by a coordinator that died', { held: true, phase: 'Dumping' }, 'nothing', 'settle'],
  ['was begun so, and deleted since', { held: true, deleted: true, phase: 'Dumping' }, 'nothing', 'settle'],
  ['has ended', { held: true, phase: 'Failed' }, 'ended', 'letGo'],
  ['has ended with a coordinator before', { held: true, phase: 'Failed' }, 'nothing', 'letGo'],
  ['has ended and is taken up again', { held: true, phase: 'Failed' }, 'active', 'follow'],
  ['is over', { phase: 'Succeeded' }, 'nothing', 'none'],
  ['is over and deleted', { phase: 'Succeeded', deleted: true }, 'ended', 'none'],
])('one that %s', (_what, traits, known, task) => {
  expect(taskOf(object(traits), known)).toBe(task);
});

it.each([
  ['is kept', undefined, '2026-01-01T00:00:00Z', undefined],
  ['has not ended', 60, undefined, undefined],
  ['goes later', 60, '2026-01-01T00:00:00Z', 30_000],
  ['is due', 30, '2026-01-01T00:00:00Z', 0],
  ['is overdue', 0, '2026-01-01T00:00:00Z', 0],
])('one that %s', (_what, ttlSecondsAfterFinished, completionTime, ms) => {
  const { metadata, spec } = object();
  const ttl = ttlSecondsAfterFinished === undefined ? {} : { ttlSecondsAfterFinished };
  const status = completionTime === undefined ? {} : { completionTime };
  const one = { metadata, spec: { ...spec, ...ttl }, status };
  expect(goesIn(one, Date.parse('2026-01-01T00:00:30Z'))).toBe(ms);
});

describe('one that nobody knows of any more', () => {
  const status: Status = { nodeName: 'node-a', targetNode: 'node-b', targetPod: { name: 'redis-1' } };

  it.each<[boolean, Remains['target'], boolean, string]>([
    [true, 'gone', false, 'RolledBack'],
    [true, 'notRunning', false, 'RolledBack'],
    // A target that runs beside its source is one that has not been discarded yet.
    [true, 'running', false, 'RolledBack'],
    [false, 'running', false, 'Succeeded'],
    [false, 'running', true, 'Succeeded'],
    [true, 'running', true, 'Succeeded'],
    [false, 'gone', false, 'Failed'],
    [false, 'notRunning', true, 'Failed'],
    [true, 'gone', true, 'Failed'],
  ])('source there %s, target %s, committed %s: %s', (source, target, committed, phase) => {
    const end = settle({ ...status, committed }, { source, target });
    expect(end.phase).toBe(phase);
    if (phase !== 'Succeeded') expect(end.outcome).toMatchObject({ reason: 'CoordinatorRestarted' });
  });
});

function recordAt(clock: () => number): MigrationRecord {
  const route = { sourceNode: 'node-a', targetNode: 'node-b', targetPod: null };
  return new MigrationRecord(
    makePlan('mig-1', readRequest(requestOf(object())), 'uid-1', route, { network: 'close', network_reason: '' }),
    clock,
  );
}

describe('a write of the status', () => {
  let now = 1_000_000;
  const record = recordAt(() => now);

  it('is due at once for a new phase, and after a while for bytes', () => {
    record.advance('PreCopying');
    expect(dueAt(record.snapshot(), undefined, now)).toBe(now);
    expect(dueAt(record.snapshot(), { phase: 'Preparing', at: now }, now)).toBe(now);
    expect(dueAt(record.snapshot(), { phase: 'PreCopying', at: now }, now + 100)).toBe(now + 1_000);
  });

  it('waits while the pod stands still, but not for ever', () => {
    record.advance('Freezing');
    const frozen = now;
    now += 50;
    record.advance('Transferring');
    const last = { phase: 'PreCopying', at: frozen } as const;
    expect(dueAt(record.snapshot(), last, now)).toBe(frozen + 1_000);
    now += 2_000;
    expect(dueAt(record.snapshot(), last, now)).toBe(now);
  });

  it('does not wait for anything at the end', () => {
    record.advance('CuttingOver');
    expect(dueAt(record.snapshot(), { phase: 'PreCopying', at: now }, now)).toBe(now);
    record.end('Succeeded');
    expect(dueAt(record.snapshot(), { phase: 'Succeeded', at: now }, now)).toBe(now);
  });
});

describe('a mirror', () => {
  it('has one write under way, and then writes the newest alone', async () => {
    const record = recordAt(Date.now);
    const written: string[] = [];
    let open = 0;
    const mirror = new Mirror(
      async ({ phase }) => {
        open += 1;
        expect(open).toBe(1);
        await sleep(30);
        written.push(phase);
        open -= 1;
        return true;
      },
      () => {},
    );
    mirror.offer(record.snapshot());
    await sleep(10);
    for (const phase of ['Preparing', 'PreCopying'] as const) {
      record.advance(phase);
      mirror.offer(record.snapshot());
    }
    record.end('RolledBack', { reason: 'Cancelled', message: 'no' });
    mirror.offer(record.snapshot());
    await until('all is written', () => mirror.idle);
    expect(written).toEqual(['Pending', 'RolledBack']);
  });

  it('writes the end, however often that fails', async () => {
    const record = recordAt(Date.now);
    record.end('RolledBack', { reason: 'Cancelled', message: 'no' });
    const failures: number[] = [];
    const written: string[] = [];
    const mirror = new Mirror(
      async ({ phase }) => {
        if (failures.length < 3) throw new Error('the API server is away');
        written.push(phase);
        return await Promise.resolve(true);
      },
      (_error, times) => failures.push(times),
    );
    mirror.offer(record.snapshot());
    await until('it is written', () => mirror.idle);
    expect([failures, written]).toEqual([[1, 2, 3], ['RolledBack']]);
  });

  it('writes no more to one that is gone', async () => {
    const record = recordAt(Date.now);
    let writes = 0;
    const mirror = new Mirror(
      async () => {
        writes += 1;
        return await Promise.resolve(false);
      },
      () => {},
    );
    mirror.offer(record.snapshot());
    await until('it was tried', () => writes === 1);
    record.end('RolledBack');
    mirror.offer(record.snapshot());
    await sleep(50);
    expect(writes).toBe(1);
  });
});
