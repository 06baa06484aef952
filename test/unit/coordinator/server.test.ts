/** What clients may ask, and what they are told when they ask for something else. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Fault, Reason } from '../../../proto/fault.ts';
import type { MigrateRequest } from '../../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Migration__Output as Migration } from '../../../proto/gen/podferry/v1/Migration.ts';
import type { MigrationEvent__Output as MigrationEvent } from '../../../proto/gen/podferry/v1/MigrationEvent.ts';
import type { NodesResponse__Output as NodesResponse } from '../../../proto/gen/podferry/v1/NodesResponse.ts';
import type { PreflightResponse__Output as PreflightResponse } from '../../../proto/gen/podferry/v1/PreflightResponse.ts';
import { ask, migrate, type Stage, stage, toB } from './stage.ts';
import { until } from './until.ts';

vi.setConfig({ testTimeout: 20_000 });

let set: Stage;
beforeAll(async () => {
  set = await stage({ nodes: ['node-a', 'node-b', 'node-c', 'node-dead'] });
  set.agents[3]?.stop();
  set.world.addPod('node-a', 'stopped', { ready: false });
  set.world.addPod('node-a', 'twice', { uid: 'uid-1' });
  set.world.addPod('node-b', 'twice', { uid: 'uid-2' });
  set.world.addPod('node-a', 'other', { namespace: 'elsewhere' });
});
afterAll(async () => {
  await set.close();
});
beforeEach(() => {
  for (const agent of set.agents) agent.calls.length = 0;
});

const pod = (name: string, more: object = {}): MigrateRequest => ({
  ...toB,
  pod: { namespace: 'default', name, ...more },
});

describe('bad input', () => {
  it.each<[string, MigrateRequest, Reason, status]>([
    ['no pod', { target_node: 'node-b' }, 'InvalidArgument', status.INVALID_ARGUMENT],
    ['a path for a pod', pod('../../etc/passwd'), 'InvalidArgument', status.INVALID_ARGUMENT],
    ['an option for a pod', pod('--help'), 'InvalidArgument', status.INVALID_ARGUMENT],
    ['a pod in capitals', pod('Redis'), 'InvalidArgument', status.INVALID_ARGUMENT],
    ['an endless pod', pod('a'.repeat(254)), 'InvalidArgument', status.INVALID_ARGUMENT],
    ['a newline in a pod', pod('redis\n'), 'InvalidArgument', status.INVALID_ARGUMENT],
    ['a namespace with a dot', pod('redis', { namespace: 'a.b' }), 'InvalidArgument', status.INVALID_ARGUMENT],
    ['a uid with a slash', pod('redis', { uid: 'a/b' }), 'InvalidArgument', status.INVALID_ARGUMENT],
    ['a node with a space', { ...toB, target_node: 'node b' }, 'InvalidArgument', status.INVALID_ARGUMENT],
    ['a strategy that there is not', { ...toB, strategy: 99 as never }, 'InvalidArgument', status.INVALID_ARGUMENT],
    ['an endless timeout', { ...toB, timeout_ms: 4_000_000_000 }, 'InvalidArgument', status.INVALID_ARGUMENT],
    ['an endless freeze', { ...toB, freeze_timeout_ms: 4_000_000_000 }, 'InvalidArgument', status.INVALID_ARGUMENT],
    ['an unknown node', { ...toB, target_node: 'node-x' }, 'NodeNotFound', status.NOT_FOUND],
    ['a dead node', { ...toB, target_node: 'node-dead' }, 'NodeNotReady', status.UNAVAILABLE],
    ['the same node', { ...toB, target_node: 'node-a' }, 'SameNode', status.INVALID_ARGUMENT],
    ['a pod that has stopped', pod('stopped'), 'PodNotRunning', status.FAILED_PRECONDITION],
    ['a pod that runs twice', pod('twice'), 'PodAmbiguous', status.FAILED_PRECONDITION],
    ['a strategy that is to come', { ...toB, strategy: 'pre_copy' }, 'StrategyUnavailable', status.FAILED_PRECONDITION],
    // One node does not answer, so nobody can say that it is nowhere.
    ['a pod that nobody has', pod('nobody'), 'NodeNotReady', status.UNAVAILABLE],
    ['a pod of another namespace', pod('other'), 'NodeNotReady', status.UNAVAILABLE],
    ['a pod of another uid', pod('redis', { uid: 'uid-old' }), 'NodeNotReady', status.UNAVAILABLE],
  ])('%s', async (_what, request, reason, code) => {
    const refusal = (await migrate(set, request).catch((error: unknown) => error)) as Fault;
    expect(refusal).toMatchObject({ reason, cause: { code } });
    expect(refusal.message).not.toMatch(/\bat .*:\d+:\d+/);
    const touched = set.agents.flatMap(({ calls }) => calls).filter((name) => name.startsWith('Prepare'));
    expect(touched).toEqual([]);
    expect(await ask<{ migrations: Migration[] }>(set, 'List', { running_only: true })).toEqual({ migrations: [] });
  });

  it('says every mistake at once', async () => {
    const request = { pod: { namespace: 'A', name: 'B' }, target_node: 'C' };
    await expect(migrate(set, request)).rejects.toThrow(/namespace "A".*pod "B".*node "C"/);
  });

  it('a pod that no node has, when all of them say so', async () => {
    const quiet = await stage();
    const refusal = migrate(quiet, pod('nobody'));
    await expect(refusal).rejects.toMatchObject({ reason: 'PodNotFound', cause: { code: status.NOT_FOUND } });
    await quiet.close();
  });

  it.each(['Get', 'Cancel'] as const)('%s: a malformed id, and one that nobody knows', async (name) => {
    await expect(ask(set, name, { id: '../x' })).rejects.toMatchObject({ reason: 'InvalidArgument' });
    await expect(ask(set, name, { id: 'mig-unknown' })).rejects.toMatchObject({ reason: 'MigrationNotFound' });
  });
});

describe('preflight', () => {
  it('says that it can move, and how', async () => {
    const { plan, findings } = await ask<PreflightResponse>(set, 'Preflight', toB);
    expect(findings).toEqual([]);
    expect(plan).toMatchObject({
      source_node: 'node-a',
      target_node: 'node-b',
      strategy: 'stop_and_copy',
      transport: 'stream',
    });
  });

  it('says every reason of both nodes at once', async () => {
    set.a.refusals.source = [{ reason: 'HostNamespace', message: 'uses the host network' }];
    set.b.refusals.target = [{ reason: 'StagingSpaceMissing', message: 'no room' }];
    set.b.problems.push({ reason: 'CriuMissing', message: 'no criu' });
    try {
      const { findings } = await ask<PreflightResponse>(set, 'Preflight', toB);
      expect(findings.map(({ reason }) => reason)).toEqual(['CriuMissing', 'HostNamespace', 'StagingSpaceMissing']);
    } finally {
      set.a.refusals.source = [];
      set.b.refusals.target = [];
      set.b.problems.length = 0;
    }
  });

  it('says that pod and node are both unknown', async () => {
    const { findings } = await ask<PreflightResponse>(set, 'Preflight', { ...pod('twice'), target_node: 'node-x' });
    expect(findings.map(({ reason }) => reason)).toEqual(['PodAmbiguous', 'NodeNotFound']);
  });

  it('picks a node when none is named', async () => {
    const { plan, findings } = await ask<PreflightResponse>(set, 'Preflight', { ...toB, target_node: '' });
    expect(findings).toEqual([]);
    expect(plan?.target_node).toBe('node-b');
  });

  it('names the one that a pod is moved by already', async () => {
    const quiet = await stage();
    quiet.b.delays.set('CreateTargetPod', 200);
    const moving = migrate(quiet);
    await until('it is under way', () => quiet.b.calls.includes('CreateTargetPod'));
    const { findings } = await ask<PreflightResponse>(quiet, 'Preflight', toB);
    expect(findings.map(({ reason }) => reason)).toContain('MigrationInProgress');
    await expect(migrate(quiet)).rejects.toMatchObject({
      reason: 'MigrationInProgress',
      cause: { code: status.ALREADY_EXISTS },
    });
    expect(await moving).toMatchObject({ phase: 'Succeeded' });
    await quiet.close();
  });
});

it('tells nodes with their problems', async () => {
  const { nodes } = await ask<NodesResponse>(set, 'Nodes', {});
  expect(nodes.map(({ name, ready }) => [name, ready])).toEqual([
    ['node-a', true],
    ['node-b', true],
    ['node-c', true],
    ['node-dead', false],
  ]);
  expect(nodes[3]?.problem).toMatchObject({ reason: 'NodeNotReady' });
});

describe('watching', () => {
  it('begins with the present state and ends with the end', async () => {
    const quiet = await stage();
    const { id } = await migrate(quiet);
    const events: MigrationEvent[] = [];
    for await (const event of quiet.client.Watch({ id })) events.push(event as MigrationEvent);
    expect(events.map(({ migration }) => migration?.phase)).toEqual(['Succeeded']);
    await quiet.close();
  });

  it('without an id tells of all, also of those to come, and never ends', async () => {
    const quiet = await stage();
    const all = quiet.client.Watch({});
    const ended = new Set<string>();
    all.on('data', ({ migration }: MigrationEvent) => {
      if (migration?.phase === 'Succeeded') ended.add(migration.id);
    });
    all.on('error', () => {});
    const first = await migrate(quiet);
    const second = await migrate(quiet, { ...toB, target_node: 'node-a' });
    await until('both are told', () => ended.size === 2);
    expect(ended).toEqual(new Set([first.id, second.id]));
    all.cancel();
    await quiet.close();
  });
});

describe('the queue', () => {
  it('keeps one Pending until its turn, and lets it be cancelled there', async () => {
    const quiet = await stage({ settings: { maxTotal: 1 } });
    quiet.world.addPod('node-a', 'second');
    quiet.b.delays.set('CreateTargetPod', 300);
    const first = migrate(quiet);
    await until('the first is under way', () => quiet.b.calls.includes('CreateTargetPod'));
    const phases: string[] = [];
    const second = migrate(quiet, pod('second'), ({ migration }) => phases.push(String(migration?.phase)));
    await until('the second waits', () => phases.includes('Pending'));
    const text = await (await fetch(`http://127.0.0.1:${quiet.coordinator.metricsListen.port}/metrics`)).text();
    expect(text).toMatch(/podferry_coordinator_migrations_queued 1\n/);
    expect(text).toMatch(/podferry_coordinator_migrations_in_flight 1\n/);
    const { migrations } = await ask<{ migrations: Migration[] }>(quiet, 'List', { running_only: true });
    await ask(quiet, 'Cancel', { id: migrations[1]?.id ?? '' });
    expect(await second).toMatchObject({ phase: 'RolledBack', outcome: { reason: 'Cancelled' } });
    expect(phases).not.toContain('Preparing');
    expect(await first).toMatchObject({ phase: 'Succeeded' });
    await quiet.close();
  });
});

describe('metrics', () => {
  it('count outcomes, phases, freezes, bytes and refusals', async () => {
    const quiet = await stage();
    await migrate(quiet);
    await migrate(quiet).catch(() => {});
    const url = `http://127.0.0.1:${quiet.coordinator.metricsListen.port}`;
    const text = await (await fetch(`${url}/metrics`)).text();
    const labels = 'strategy="stop_and_copy",transport="stream"';
    expect(text).toContain(`podferry_coordinator_migrations_total{outcome="Succeeded",reason="none",${labels}} 1`);
    expect(text).toContain(`podferry_coordinator_migrations_total{outcome="Refused",reason="SameNode",${labels}} 1`);
    expect(text).toContain(`podferry_migration_freeze_seconds_count{${labels}} 1`);
    expect(text).toContain(`podferry_migration_phase_duration_seconds_count{phase="Restoring",${labels}} 1`);
    expect(text).toContain(`podferry_migration_bytes_total{${labels}} ${3 << 20}`);
    expect(text).toContain('podferry_coordinator_agents{state="ready"} 2');
    expect(text).toContain('podferry_coordinator_agent_ready{node="node-a"} 1');
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('ok\n');
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([200, 'ok\n']);
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    await quiet.close();
  });
});
