/**
 * People act through the API server's roles: ServiceAccounts of a real cluster, with tokens and no certificates. Anna has
 * edit in namespace a, Victor has view there, and neither has anything in namespace b.
 */
import { sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { addressOf, clientIdentity, foreignIdentity, open, ports } from '../lab/index.ts';
import { apply, kubectl, runKubectl } from '../lab/kubernetes/kubectl.ts';
import { tlsOf } from '../lab/kubernetes/users.ts';
import { askCoordinator, type Who } from '../integration/ask-part.ts';
import { endOf, kubectlMigrate } from '../integration/attempt.ts';
import { type Migrated, otherThan } from '../integration/migrate.ts';
import { expectNothingLeft } from './leftovers.ts';
import { counterIn, migrationsIn, podsIn } from './workload.ts';

const lab = open();
const namespaces = ['people-a', 'people-b'] as const;
const [a, b] = namespaces;
const directory = mkdtempSync(join(tmpdir(), 'podferry-people-'));
const cli = join(import.meta.dirname, '../../coordinator/cli/kubectl-migrate.ts');
/** The API server believes a token for ten seconds more, and the coordinator for five. */
const believedMs = 30_000;

const inCluster = (kind: string, name: string, namespace: string, more: object = {}) => ({
  apiVersion: kind === 'RoleBinding' ? 'rbac.authorization.k8s.io/v1' : 'v1',
  kind,
  metadata: { name, namespace },
  ...more,
});
const bound = (role: string, name: string) =>
  inCluster('RoleBinding', `${name}-${role}`, a, {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', name, namespace: a }],
  });

beforeAll(async () => {
  await apply(
    lab,
    namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
  );
  await apply(lab, [
    ...['anna', 'victor'].map((name) => inCluster('ServiceAccount', name, a)),
    ...['anna', 'leaver'].map((name) => bound('edit', name)),
    bound('view', 'victor'),
  ]);
  for (const name of namespaces) {
    await runKubectl(lab, ['wait', '--for=create', '--timeout=30s', '-n', name, 'serviceaccount/default']);
  }
  // Controllers put what is aggregated together when they get to it.
  const can = ['auth', 'can-i', 'create', 'podmigrations.podferry.dev', '-n', a, '--as', accountOf('anna')];
  await vi.waitFor(async () => expect((await kubectl(lab, can)).stdout.trim()).toBe('yes'), 30_000);
});

afterEach(async () => {
  for (const name of namespaces) {
    await runKubectl(lab, ['delete', 'podmigrations', '--all', '-n', name, '--timeout=60s']);
    await runKubectl(lab, ['delete', 'pods', '--all', '-n', name, '--grace-period=1', '--timeout=60s']);
  }
  await expectNothingLeft(lab);
});

afterAll(async () => {
  await runKubectl(lab, ['delete', 'namespace', ...namespaces, '--timeout=60s']);
  rmSync(directory, { recursive: true });
});

function accountOf(name: string): string {
  return `system:serviceaccount:${a}:${name}`;
}

async function fileWith(name: string, token: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, token, { mode: 0o600 });
  return file;
}

async function tokenOf(name: string, ...flags: string[]): Promise<string> {
  return (await runKubectl(lab, ['create', 'token', name, '-n', a, ...flags])).trim();
}

/** kubectl migrate, by somebody who has a token and knows the authority. */
async function as(file: string, ...words: string[]): Promise<Migrated> {
  const coordinator = `${addressOf('control')}:${ports.coordinator}`;
  const who = ['--coordinator', coordinator, '--token-file', file];
  const authority = ['--ca-file', join(lab.layout.tlsOf(clientIdentity), 'ca.crt')];
  const argv = [process.execPath, cli, ...words, '-o', 'json', ...who, ...authority];
  return await endOf(lab.spawn('control', argv, { stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** As the API server would have signed it an hour ago: it gives none that is shorter than ten minutes. */
async function expired(token: string): Promise<string> {
  const [header = '', payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<'iat' | 'nbf' | 'exp', number>;
  const [iat, nbf, exp] = [claims.iat - 3_600, claims.nbf - 3_600, claims.nbf - 3_000];
  const old = Buffer.from(JSON.stringify({ ...claims, iat, nbf, exp })).toString('base64url');
  const key = await readFile(join(tlsOf(lab.layout, 'service-accounts'), 'tls.key'));
  const signature = sign('sha256', Buffer.from(`${header}.${old}`), { key, dsaEncoding: 'ieee-p1363' });
  return `${header}.${old}.${signature.toString('base64url')}`;
}

const asAnna = async (...words: string[]) => await as(await fileWith('anna', await tokenOf('anna')), ...words);
const asVictor = async (...words: string[]) => await as(await fileWith('victor', await tokenOf('victor')), ...words);

async function expectUntouched(namespace: string, uid: string): Promise<void> {
  expect((await podsIn(lab, namespace)).map(({ metadata }) => metadata?.uid)).toEqual([uid]);
  expect(await migrationsIn(lab, namespace)).toEqual([]);
}

describe('who may edit in a namespace', () => {
  it('moves its pods by a token, and the object says who asked', async () => {
    const { uid, node } = await counterIn(lab, a);
    const { code, stderr, migration } = await asAnna('counter', '-n', a, '--to', otherThan(node), '--linger', '0s');
    expect(code, stderr).toBe(0);
    expect(migration).toMatchObject({ phase: 'Succeeded', namespace: a });
    const [moved, ...others] = await podsIn(lab, a);
    expect(others).toEqual([]);
    expect(moved?.metadata?.uid).not.toBe(uid);
    expect(moved?.spec?.nodeName).toBe(otherThan(node));
    const [object] = await migrationsIn(lab, a);
    expect(object?.metadata.annotations?.['podferry.dev/asked-by']).toBe(accountOf('anna'));
    const got = await asAnna('get', migration?.id ?? '');
    expect(got).toMatchObject({ code: 0, migration: { id: migration?.id, phase: 'Succeeded' } });
  });

  it('is refused for a pod of another, and nothing is touched', async () => {
    const { uid, node } = await counterIn(lab, b);
    const before = await podsIn(lab, b);
    for (const flags of [[], ['--dry-run'], ['--detach']]) {
      const { code, stderr } = await asAnna('counter', '-n', b, '--to', otherThan(node), ...flags);
      expect(code).toBe(2);
      const said = `PermissionDenied: ${accountOf('anna')} may not create podmigrations.podferry.dev in namespace ${b}: `;
      expect(stderr).toContain(said);
      expect(stderr).toMatch(/podferry-edit .* RoleBinding in people-b/);
    }
    await expectUntouched(b, uid);
    expect(await podsIn(lab, b)).toEqual(before);
  });

  it('neither sees nor cancels what happens in another', async () => {
    const { node } = await counterIn(lab, b);
    const flags = ['counter', '-n', b, '--to', otherThan(node), '--linger', '3s', '--detach'];
    const id = (await kubectlMigrate(lab, ...flags)).migration?.id ?? '';
    for (const [words, verb] of [
      [['get', id], 'get'],
      [['watch', id], 'watch'],
      [['cancel', id], 'delete'],
    ] as const) {
      const { code, stderr } = await asAnna(...words);
      expect(code).toBe(2);
      expect(stderr).toContain(`PermissionDenied: ${accountOf('anna')} may not ${verb} podmigrations.podferry.dev`);
    }
    expect(JSON.stringify((await asAnna('list')).migration)).not.toContain(b);
    expect(JSON.stringify((await kubectlMigrate(lab, 'list')).migration)).toContain(id);
    const end = await kubectlMigrate(lab, 'watch', id);
    expect(end.migration).toMatchObject({ phase: 'Succeeded' });
  });

  it('sees no nodes, which are nobody’s in a namespace', async () => {
    const { code, stderr } = await asAnna('nodes');
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${accountOf('anna')} may not list nodes`)]);
  });
});

it('who may only view sees what is done, and may not ask for it', async () => {
  const { uid, node } = await counterIn(lab, a);
  const refused = await asVictor('counter', '-n', a, '--to', otherThan(node));
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('may not create podmigrations')]);
  await expectUntouched(a, uid);
  const { migration } = await asAnna('counter', '-n', a, '--to', otherThan(node), '--linger', '0s');
  expect(JSON.stringify((await asVictor('list')).migration)).toContain(migration?.id);
  const cancelled = await asVictor('cancel', migration?.id ?? '');
  expect([cancelled.code, cancelled.stderr]).toEqual([2, expect.stringContaining('may not delete podmigrations')]);
});

describe('nobody', () => {
  it('is who shows nothing, or something that is no token of this cluster', async () => {
    const { uid, node } = await counterIn(lab, a);
    const request = { pod: { namespace: a, name: 'counter' }, target_node: otherThan(node) };
    const nothing = await askCoordinator(lab, 'Migrate', request, { anonymous: true });
    expect(nothing).toMatchObject({ status: 'UNAUTHENTICATED', reason: 'Unauthenticated', replies: [] });
    const own = await tokenOf('anna');
    // Everything of a real one but the signature's last letters.
    const forged = `${own.slice(0, -8)}${'A'.repeat(8)}`;
    for (const token of ['garbage', forged, await expired(own), await tokenOf('anna', '--audience', 'somebody-else')]) {
      const { code, stderr } = await as(await fileWith('bad', token), 'counter', '-n', a, '--to', otherThan(node));
      expect([code, stderr]).toEqual([2, expect.stringContaining('Unauthenticated')]);
      expect(stderr).not.toContain(token);
    }
    await expectUntouched(a, uid);
  });

  it('is whose certificate is another authority’s: it is not even listened to', async () => {
    const who: Who = { identity: foreignIdentity };
    expect(await askCoordinator(lab, 'Nodes', {}, who)).toMatchObject({ status: 'UNAVAILABLE', replies: [] });
  });

  it('is whose ServiceAccount was deleted', async () => {
    await apply(lab, [inCluster('ServiceAccount', 'leaver', a)]);
    const file = await fileWith('leaver', await tokenOf('leaver'));
    expect(await as(file, 'list')).toMatchObject({ code: 0 });
    await runKubectl(lab, ['delete', 'serviceaccount', 'leaver', '-n', a]);
    const said = async () => (await as(file, 'list')).stderr;
    await expect.poll(said, { timeout: believedMs, interval: 1_000 }).toContain('Unauthenticated');
  });
});

describe('a PodMigration', () => {
  it('cannot name a pod of another namespace', async () => {
    const other = await counterIn(lab, b);
    const object = {
      apiVersion: 'podferry.dev/v1alpha1',
      kind: 'PodMigration',
      metadata: { name: 'reaching', namespace: a },
      spec: { sourcePod: { name: 'counter', namespace: b }, targetNode: otherThan(other.node) },
    };
    const create = ['create', '-n', a, '-f', '-', '--as', accountOf('anna')];
    const strict = await kubectl(lab, create, { stdin: JSON.stringify(object) });
    expect([strict.code, strict.stderr]).toEqual([
      1,
      expect.stringContaining('unknown field "spec.sourcePod.namespace"'),
    ]);
    // Whoever sends it without that check has the field dropped, and means the pod of their own namespace.
    await runKubectl(lab, [...create, '--validate=false'], { stdin: JSON.stringify(object) });
    await runKubectl(lab, ['wait', '--for=jsonpath={.status.phase}=Failed', 'pm/reaching', '-n', a, '--timeout=60s']);
    const [made] = await migrationsIn(lab, a);
    expect(made?.spec.sourcePod).toEqual({ name: 'counter' });
    expect(made?.status).toMatchObject({ reason: 'PodNotFound', message: expect.stringContaining(`${a}/counter`) });
    await expectUntouched(b, other.uid);
    const elsewhere = {
      ...object,
      metadata: { name: 'reaching', namespace: b },
      spec: { sourcePod: { name: 'counter' } },
    };
    const denied = await kubectl(lab, ['create', '-n', b, '-f', '-', '--as', accountOf('anna')], {
      stdin: JSON.stringify(elsewhere),
    });
    expect([denied.code, denied.stderr]).toEqual([1, expect.stringContaining('forbidden')]);
  });
});

it('a migration goes on, though its caller’s token is good for nothing any more', async () => {
  const { node } = await counterIn(lab, a);
  await apply(lab, [inCluster('ServiceAccount', 'leaver', a)]);
  const file = await fileWith('leaver', await tokenOf('leaver'));
  const moving = as(file, 'counter', '-n', a, '--to', otherThan(node), '--linger', '10s');
  const phases = async () => (await migrationsIn(lab, a)).map(({ status }) => status?.phase);
  await expect.poll(phases, { timeout: 30_000 }).toEqual(['Completing']);
  await runKubectl(lab, ['delete', 'serviceaccount', 'leaver', '-n', a]);
  const { code, stderr, migration } = await moving;
  expect(code, stderr).toBe(0);
  expect(migration).toMatchObject({ phase: 'Succeeded' });
});
