/** Migrations by way of the API server alone: what is made, what is told, and what is taken back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Unreachable } from '../../../coordinator/cli/way/connection.ts';
import { ClusterConnection } from '../../../coordinator/cli/way/through-cluster.ts';
import { idOf, type PodMigration, type Status } from '../../../coordinator/resource/pod-migration.ts';
import type { MigrationEvent__Output as MigrationEvent } from '../../../proto/gen/podferry/v1/MigrationEvent.ts';
import { json } from '../coordinator/api-server.ts';
import { ObjectServer } from './object-server.ts';

let server: ObjectServer;
let connection: ClusterConnection;
const never = new AbortController().signal;
const request = {
  pod: { namespace: 'web', name: 'redis' },
  target_node: 'node-b',
  strategy: 'auto',
  timeout_ms: 1_500,
} as const;
const nodes = { nodeName: 'node-a', targetNode: 'node-b', startTime: '2030-01-01T00:00:00.000250Z' };

beforeEach(async () => {
  server = new ObjectServer();
  await server.start();
  connection = connect();
});
afterEach(async () => {
  await connection.close();
  await server.stop();
});

function connect(asked?: string, patienceMs = 10_000): ClusterConnection {
  const flags = { podferryNamespace: 'podferry-system' };
  return new ClusterConnection(server.api.config(), flags, { asked, own: 'web' }, () => {}, patienceMs);
}

async function all(events: AsyncIterable<MigrationEvent>): Promise<MigrationEvent[]> {
  const told: MigrationEvent[] = [];
  for await (const event of events) told.push(event);
  return told;
}

/** As whoever leaves after that. */
async function first(events: AsyncGenerator<MigrationEvent>): Promise<void> {
  await events.next();
  await events.return(undefined);
}

/** Plays the coordinator: each status in turn. */
function plays(...course: Status[]): void {
  server.made = ({ metadata: { name } }) => {
    for (const status of course) server.put(name, status);
  };
}

const succeeded: Status = {
  ...nodes,
  id: 'mig-1',
  phase: 'Succeeded',
  committed: true,
  freezeMilliseconds: 46.5,
  totalMilliseconds: 3_000,
  bytesDone: 170,
  bytesTotal: 170,
  completionTime: '2030-01-01T00:00:03Z',
  phases: [{ phase: 'Pending', startTime: nodes.startTime, durationMilliseconds: 2.5 }],
};

describe('Migrate', () => {
  it('makes an object of what was asked for, held by nobody yet, and tells how it goes', async () => {
    plays({ ...nodes, phase: 'Pending' }, { ...nodes, phase: 'Preparing', message: 'one at a time' }, succeeded);
    const told = await all(connection.follow('Migrate', request, never));
    const [object] = server.objects.values();
    expect(object).toMatchObject({ metadata: { namespace: 'web' }, kind: 'PodMigration' });
    expect(object?.spec).toEqual({
      sourcePod: { name: 'redis' },
      targetNode: 'node-b',
      strategy: 'auto',
      transport: 'stream',
      timeoutSeconds: 2,
      freezeTimeoutSeconds: 10,
      lingerSeconds: 2,
      connectionLinger: '30s',
    });
    expect(told.map(({ migration }) => migration?.phase)).toEqual(['Pending', 'Preparing', 'Succeeded']);
    expect(told.map(({ message }) => message)).toEqual(['', 'one at a time', '']);
    expect(told.at(-1)?.migration).toMatchObject({
      id: 'mig-1',
      plan: { pod: { namespace: 'web', name: 'redis' }, source_node: 'node-a', target_node: 'node-b' },
      outcome: null,
      committed: true,
      freeze_ms: 46.5,
      total_ms: 3_000,
      bytes_done: '170',
      phases: [{ phase: 'Pending', duration_ms: 2.5 }],
    });
  });

  it('is refused as over gRPC, and leaves no object', async () => {
    plays({ id: 'mig-1', phase: 'Failed', reason: 'SameNode', message: 'it is there' });
    server.made = vi.fn(server.made);
    // Its holder lets go when it has ended.
    const refused = all(connection.follow('Migrate', request, never));
    await expect(refused).rejects.toMatchObject({ name: 'Fault', reason: 'SameNode', message: 'it is there' });
    expect(server.api.requests.filter((line) => line.startsWith('DELETE'))).toHaveLength(1);
  });

  it('is none of the coordinator when the names are malformed', async () => {
    const wrong = { ...request, pod: { namespace: 'web', name: 'Redis' } };
    await expect(all(connection.follow('Migrate', wrong, never))).rejects.toMatchObject({ reason: 'InvalidArgument' });
    expect(server.api.requests).toEqual([]);
  });

  it('is taken back when nobody takes it up', async () => {
    const hasty = connect(undefined, 200);
    const error: unknown = await all(hasty.follow('Migrate', request, never)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Unreachable);
    expect(error).toMatchObject({
      message: expect.stringMatching(/in web was taken back: nobody took it up within 0.2 s/),
    });
    expect((error as Unreachable).hint).toContain('kubectl get pods -n podferry-system');
    expect(server.objects.size).toBe(0);
    await hasty.close();
  });

  it('is waited for without end once somebody has it', async () => {
    const hasty = connect(undefined, 100);
    server.made = ({ metadata: { name } }) => {
      server.put(name);
      setTimeout(() => server.put(name, succeeded), 400);
    };
    expect(await all(hasty.follow('Migrate', request, never))).toHaveLength(1);
    await hasty.close();
  });

  it.each([
    ['whoever goes away before the commit takes it back', { ...nodes, phase: 'Preparing' }, {}, 1],
    ['after it nothing is taken back', { ...nodes, phase: 'Restoring', committed: true }, {}, 0],
    ['nor with detach', { ...nodes, phase: 'Preparing' }, { detach: true }, 0],
  ] as const)('%s', async (_what, status, more, deletes) => {
    plays(status);
    await first(connection.follow('Migrate', { ...request, ...more }, never));
    await connection.close();
    expect(server.api.requests.filter((line) => line.startsWith('DELETE'))).toHaveLength(deletes);
  });

  it('is not known when its object is gone in the middle', async () => {
    plays({ ...nodes, phase: 'Preparing' });
    const events = connection.follow('Migrate', request, never);
    await events.next();
    server.remove([...server.objects.keys()][0] ?? '');
    await expect(events.next()).rejects.toBeInstanceOf(Unreachable);
  });
});

describe('Cancel', () => {
  async function begun(status: Status): Promise<PodMigration> {
    plays(status);
    await first(connection.follow('Migrate', { ...request, detach: true }, never));
    const [object] = server.objects.values();
    if (object === undefined) throw new Error('there is none');
    return object;
  }

  it('deletes it, and its end is told although the object goes at once', async () => {
    const object = await begun({ ...nodes, phase: 'Preparing' });
    const id = idOf(object);
    expect(await connection.call('Cancel', { id })).toMatchObject({ id, phase: 'Preparing' });
    const { name } = object.metadata;
    server.put(name, { ...nodes, phase: 'RolledBack', reason: 'Cancelled', message: 'it was deleted' });
    server.remove(name);
    const told = await all(connection.follow('Watch', { id }, never));
    expect(told.at(-1)?.migration).toMatchObject({ phase: 'RolledBack', outcome: { reason: 'Cancelled' } });
  });

  it.each([
    ['committed', { ...nodes, phase: 'Restoring', committed: true }],
    ['over', { ...nodes, phase: 'RolledBack', reason: 'Cancelled' }],
  ] as const)('is too late for one that is %s', async (_what, status) => {
    const id = idOf(await begun(status));
    await expect(connection.call('Cancel', { id })).rejects.toMatchObject({ reason: 'TooLate' });
    expect(server.objects.size).toBe(1);
  });

  it('of an unknown one says where it was looked for', async () => {
    await expect(connection.call('Cancel', { id: 'mig-x' })).rejects.toMatchObject({
      reason: 'MigrationNotFound',
      message: expect.stringContaining('in all of the cluster'),
    });
  });
});

describe('what is seen', () => {
  beforeEach(async () => {
    plays(succeeded);
    for (const namespace of ['web', 'db']) {
      await all(connection.follow('Migrate', { ...request, pod: { namespace, name: 'redis' } }, never));
    }
  });
  const seenBy = async (one: ClusterConnection) => {
    const { migrations } = await one.call('List', {});
    await one.close();
    return migrations.map(({ plan }) => plan?.pod?.namespace ?? '').sort();
  };

  it('is all, or what was asked for, or one’s own when no more may be seen', async () => {
    expect(await seenBy(connect())).toEqual(['db', 'web']);
    expect(await seenBy(connect('db'))).toEqual(['db']);
    server.visible = 'web';
    expect(await seenBy(connect())).toEqual(['web']);
    await expect(seenBy(connect('db'))).rejects.toMatchObject({ reason: 'PermissionDenied' });
  });

  it('does not have those that are over when only the others are asked for', async () => {
    expect(await connection.call('List', { running_only: true })).toEqual({ migrations: [] });
  });
});

describe('an API server', () => {
  it('that does not know our objects', async () => {
    server.api.answer = (_request, response) => void response.writeHead(404).end('404 page not found\n');
    const asked = all(connection.follow('Migrate', request, never));
    await expect(asked).rejects.toMatchObject({
      reason: 'RuntimeUnsupported',
      message: expect.stringContaining('this cluster has no Podferry'),
    });
  });

  it('that knows them, but not the namespace', async () => {
    const body = { kind: 'Status', code: 404, message: 'namespaces "web" not found' };
    server.api.answer = (_request, response) => json(response, 404, body);
    const asked = all(connection.follow('Migrate', request, never));
    await expect(asked).rejects.toMatchObject({ message: expect.stringContaining('namespaces "web" not found') });
  });

  it('that does not answer', async () => {
    await server.api.stop();
    await expect(connection.call('List', {})).rejects.toBeInstanceOf(Unreachable);
  });

  it('without a token for it: what only the coordinator knows is not asked for', async () => {
    expect(await connection.whyNoPreflight()).toMatch(/your kubeconfig shows a certificate/);
    await expect(connection.call('Nodes', {})).rejects.toMatchObject({ reason: 'Unauthenticated' });
    expect(server.api.requests).toEqual([]);
  });
});
