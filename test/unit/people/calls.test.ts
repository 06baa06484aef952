/**
 * What callers with and without certificates are let do. Who shows a token is made up here, for rights that change
 * in the middle of a call; what a real API server says is tested in test/cluster/people.test.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, type ChannelCredentials, Metadata, Server, status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Agents } from '../../../coordinator/agents/agents.ts';
import { listen } from '../../../coordinator/listen.ts';
import type { Right } from '../../../coordinator/people/rights.ts';
import { coordinatorService } from '../../../coordinator/server.ts';
import { Fault, fromStatus } from '../../../proto/fault.ts';
import type { CoordinatorClient } from '../../../proto/gen/podferry/v1/Coordinator.ts';
import type { ListResponse__Output as ListResponse } from '../../../proto/gen/podferry/v1/ListResponse.ts';
import type { MigrateRequest } from '../../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { MigrationEvent } from '../../../proto/gen/podferry/v1/MigrationEvent.ts';
import { coordinatorName, openIdentity } from '../../../proto/identity.ts';
import { load } from '../../../proto/load.ts';
import { makeCertificates } from '../../lab/certificates.ts';
import { migrate, type Stage, stage, toB } from '../coordinator/stage.ts';
import { until } from '../coordinator/until.ts';

const log = pino({ level: 'silent' });
const ends: (() => void)[] = [];
let tls: string;
let set: Stage;
let port: number;
let ca: Buffer;
/** VERB NAMESPACE, or VERB alone for all of the cluster. */
const granted = new Set<string>();
const asked: string[] = [];
const askers: (string | undefined)[] = [];

beforeAll(async () => {
  tls = mkdtempSync(join(tmpdir(), 'podferry-'));
  await makeCertificates(tls, ['node-a', 'node-b']);
  ca = await readFile(join(tls, coordinatorName, 'ca.crt'));
  set = await stage();
  for (const name of ['other', 'another']) set.world.addPod('node-a', name, { namespace: 'elsewhere' });
  const identity = openIdentity(join(tls, coordinatorName), log);
  const server = new Server();
  const said = ({ verb, namespace }: Right) => (namespace === undefined ? verb : `${verb} ${namespace}`);
  const reviews = {
    personOf: async (token: string) => {
      if (token !== 'anna') throw new Fault('Unauthenticated', 'nobody');
      return { name: token, info: {}, key: token };
    },
    may: async (_person: object, right: Right) => {
      asked.push(said(right));
      return granted.has(said(right));
    },
  };
  const { migrations } = set.coordinator;
  const front = {
    intake: async (request: Parameters<typeof migrations.start>[0] | object, by: string | undefined) => {
      askers.push(by);
      throw new Fault('Internal', `taken in: ${JSON.stringify(request).length}`);
    },
    admit: () => {},
    reviews,
  };
  const agents = new Agents((node) => {
    throw new Error(`nobody has said where ${node} is`);
  }, log);
  const definition = load('coordinator.proto').podferry.v1.Coordinator.service;
  server.addService(definition, coordinatorService(migrations, agents, undefined, identity, front));
  const listening = await listen(server, { host: '127.0.0.1', port: 0 }, identity, true);
  port = listening.port;
  return async () => {
    listening.close();
    server.forceShutdown();
    identity.close();
    await set.close();
  };
});
afterAll(() => rmSync(tls, { recursive: true }));
beforeEach(() => {
  granted.clear();
  asked.length = 0;
  askers.length = 0;
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function connect(by: ChannelCredentials): CoordinatorClient {
  const options = { 'grpc.ssl_target_name_override': coordinatorName };
  const client = new (load('coordinator.proto').podferry.v1.Coordinator)(`127.0.0.1:${port}`, by, options);
  ends.push(() => client.close());
  return client;
}

const withoutCertificate = () => connect(credentials.createSsl(ca));
async function withCertificate(name: string): Promise<CoordinatorClient> {
  const [key, cert] = await Promise.all(
    ['tls.key', 'tls.crt'].map(async (file) => await readFile(join(tls, name, file))),
  );
  return connect(credentials.createSsl(ca, key, cert));
}

function shown(value?: string): Metadata {
  const metadata = new Metadata();
  if (value !== undefined) metadata.set('authorization', value);
  return metadata;
}
const anna = shown('Bearer anna');

type Name = 'Get' | 'List' | 'Cancel' | 'Nodes' | 'Preflight';

async function ask<Reply>(client: CoordinatorClient, name: Name, request: object, by = new Metadata()): Promise<Reply> {
  const call = client[name].bind(client) as unknown as (
    request: object,
    by: Metadata,
    options: object,
    callback: (error: Error | null, reply: Reply) => void,
  ) => void;
  return await new Promise<Reply>((resolve, reject) =>
    call(request, by, { deadline: Date.now() + 5_000 }, (error, reply) =>
      error === null ? resolve(reply) : reject(fromStatus(error, 'REASON_UNSPECIFIED')),
    ),
  );
}

async function askToMigrate(client: CoordinatorClient, request: MigrateRequest, by = new Metadata()): Promise<Fault> {
  return await new Promise<Fault>((resolve) => {
    client
      .Migrate(request, by)
      .on('error', (error: unknown) => resolve(fromStatus(error, 'REASON_UNSPECIFIED')))
      .on('data', () => {});
  });
}

describe('a connection', () => {
  it('of a client with a certificate works as ever', async () => {
    expect(await ask(await withCertificate('client.podferry'), 'Nodes', {})).toEqual({ nodes: [] });
    await expect(ask(await withCertificate('node-a.agent.podferry'), 'Nodes', {})).rejects.toMatchObject({
      reason: 'PermissionDenied',
    });
    expect(asked).toEqual([]);
  });

  it('with a certificate of somebody else is cut, whatever token comes with it', async () => {
    granted.add('list');
    const refusal = ask(await withCertificate('foreign'), 'Nodes', {}, anna);
    await expect(refusal).rejects.toMatchObject({ cause: { code: status.UNAVAILABLE } });
    expect(asked).toEqual([]);
  });

  it('in plaintext is cut', async () => {
    const refusal = ask(connect(credentials.createInsecure()), 'Nodes', {}, anna);
    await expect(refusal).rejects.toMatchObject({ cause: { code: status.UNAVAILABLE } });
  });
});

describe('a caller without a certificate', () => {
  it.each([
    ['without a token', shown()],
    ['with the token of nobody', shown('Bearer eve')],
    ['with something else', shown('Basic anna')],
    ['with more than a token', shown('Bearer anna eve')],
  ])('%s is nobody', async (_what, by) => {
    const client = withoutCertificate();
    for (const name of ['Get', 'List', 'Cancel', 'Nodes', 'Preflight'] as const) {
      await expect(ask(client, name, {}, by)).rejects.toMatchObject({
        reason: 'Unauthenticated',
        cause: { code: status.UNAUTHENTICATED },
      });
    }
    expect((await askToMigrate(client, toB, by)).reason).toBe('Unauthenticated');
    expect(asked).toEqual([]);
  });

  it('is told what it lacks for each call, and nobody is asked to do anything', async () => {
    const client = withoutCertificate();
    const { id } = await migrate(set);
    await migrate(set, { ...toB, target_node: 'node-a' });
    for (const [name, request] of [
      ['Get', { id }],
      ['Cancel', { id }],
      ['Nodes', {}],
      ['Preflight', toB],
    ] as const) {
      await expect(ask(client, name, request, anna)).rejects.toMatchObject({ reason: 'PermissionDenied' });
    }
    expect(await askToMigrate(client, toB, anna)).toMatchObject({ reason: 'PermissionDenied' });
    expect(asked).toEqual(['get default', 'delete default', 'list', 'create default', 'create default']);
    expect(askers).toEqual([]);
  });

  it('that may, may, in its own name', async () => {
    const client = withoutCertificate();
    granted.add('create default').add('list');
    expect(await askToMigrate(client, toB, anna)).toMatchObject({ message: expect.stringContaining('taken in') });
    expect(askers).toEqual(['anna']);
    expect(await ask(client, 'Nodes', {}, anna)).toEqual({ nodes: [] });
    const elsewhere = { ...toB, pod: { namespace: 'elsewhere', name: 'other' } };
    expect(await askToMigrate(client, elsewhere, anna)).toMatchObject({ reason: 'PermissionDenied' });
    expect(askers).toEqual(['anna']);
  });
});

describe('of all migrations', () => {
  const elsewhere = (name: string): MigrateRequest => ({ ...toB, pod: { namespace: 'elsewhere', name } });
  const namespacesOf = ({ migrations }: ListResponse) => new Set(migrations.map(({ plan }) => plan?.pod?.namespace));

  beforeAll(async () => {
    await migrate(set, elsewhere('other'));
    await migrate(set);
    await migrate(set, { ...toB, target_node: 'node-a' });
  });

  it('a list has those that the caller may see, each namespace asked for once', async () => {
    const client = withoutCertificate();
    expect(namespacesOf(await ask(client, 'List', {}, anna))).toEqual(new Set());
    expect(asked.sort()).toEqual(['list', 'list default', 'list elsewhere']);
    granted.add('list elsewhere');
    expect(namespacesOf(await ask(client, 'List', {}, anna))).toEqual(new Set(['elsewhere']));
    granted.add('list');
    expect(namespacesOf(await ask(client, 'List', {}, anna))).toEqual(new Set(['default', 'elsewhere']));
    expect(namespacesOf(await ask(await withCertificate('client.podferry'), 'List', {}))).toEqual(
      new Set(['default', 'elsewhere']),
    );
  });

  it('a watch tells of the same, in order', async () => {
    granted.add('watch default');
    const events: MigrationEvent[] = [];
    const watch = withoutCertificate().Watch({}, anna);
    watch.on('data', (event: MigrationEvent) => events.push(event)).on('error', () => {});
    const mine = migrate(set);
    await migrate(set, elsewhere('another'));
    const { id } = await mine;
    const phases = () =>
      events.filter(({ migration }) => migration?.id === id).map(({ migration }) => migration?.phase);
    await until('it is told of', () => phases().includes('Succeeded'));
    watch.cancel();
    expect(phases().indexOf('Preparing')).toBeLessThan(phases().indexOf('Restoring'));
    expect(new Set(events.map(({ migration }) => migration?.plan?.pod?.namespace))).toEqual(new Set(['default']));
  });
});
