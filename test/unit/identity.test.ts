import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  agentName,
  coordinatorName,
  type Identity,
  mustBe,
  openIdentity,
  roleOfCertificate,
} from '../../proto/identity.ts';
import { makeCertificates } from '../lab/certificates.ts';
import { serve, who } from './identity/door.ts';

const silent = { info() {}, warn() {} };
let directory: string;
const ends: (() => void)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podferry-identity-'));
  await makeCertificates(join(directory, 'tls'), ['node-a', 'node-b']);
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});
afterEach(() => {
  for (const end of ends.splice(0).toReversed()) end();
});

function open(name: string | undefined, refreshMs?: number): Identity {
  const identity = openIdentity(
    name === undefined ? undefined : join(directory, 'tls', name),
    silent,
    refreshMs === undefined ? {} : { refreshMs },
  );
  ends.push(() => identity.close());
  return identity;
}

const atEnd = (end: () => void) => void ends.push(end);

function client(port: number, identity: Identity, expected: string): Client {
  const made = new Client(`127.0.0.1:${port}`, identity.channelCredentials(), identity.channelOptions(expected));
  ends.push(() => made.close());
  return made;
}

it.each([
  ['DNS:node-a.agent.podferry', { kind: 'agent', node: 'node-a' }],
  ['DNS:ip-10-0-0-1.ec2.internal.agent.podferry', { kind: 'agent', node: 'ip-10-0-0-1.ec2.internal' }],
  ['DNS:podferry.kube-system.svc, DNS:coordinator.podferry, IP Address:10.0.0.1', { kind: 'coordinator' }],
  ['DNS:client.podferry', { kind: 'client' }],
  ['DNS:anna.client.podferry', { kind: 'client', name: 'anna' }],
  [undefined, undefined],
  ['', undefined],
  ['DNS:agent.podferry', undefined],
  ['DNS:.agent.podferry', undefined],
  ['DNS:*.agent.podferry', undefined],
  ['DNS:node-a.agent.podferry.evil.example', undefined],
  ['DNS:NODE-A.agent.podferry', undefined],
  ['DNS:a.agent.podferry, DNS:b.agent.podferry', undefined],
  ['DNS:client.podferry, DNS:coordinator.podferry', undefined],
  ['DNS:"x, DNS:coordinator.podferry, y"', undefined],
  ['URI:coordinator.podferry', undefined],
  ['email:DNS:coordinator.podferry', undefined],
])('reads %s', (subjectaltname, role) => {
  expect(roleOfCertificate(subjectaltname === undefined ? {} : { subjectaltname })).toEqual(role);
});

it('takes only the exact name of a server', () => {
  const name = 'node-a.agent.podferry';
  expect(mustBe(name, { subjectaltname: `DNS:x, DNS:${name}` })).toBeUndefined();
  for (const subjectaltname of ['DNS:*.agent.podferry', 'DNS:node-b.agent.podferry', '', `DNS:"${name}"`]) {
    expect(mustBe(name, { subjectaltname })).toMatchObject({ reason: 'PermissionDenied' });
  }
});

it('knows who it is itself', () => {
  expect(open('node-a.agent.podferry').role).toEqual({ kind: 'agent', node: 'node-a' });
  expect(open(coordinatorName).role).toEqual({ kind: 'coordinator' });
  expect(open(undefined).role).toBeUndefined();
});

it.each(['ca.crt', 'tls.crt', 'tls.key'])('does not start without a right %s', async (name) => {
  const path = join(directory, 'broken');
  await cp(join(directory, 'tls', coordinatorName), path, { recursive: true, force: true });
  // The key of somebody else; an empty ca would mean everybody.
  const wrong = name === 'tls.key' ? await readFile(join(directory, 'tls/client.podferry/tls.key')) : '';
  await writeFile(join(path, name), wrong);
  expect(() => openIdentity(path, silent)).toThrow(expect.objectContaining({ reason: 'InvalidArgument' }));
  await rm(join(path, name));
  expect(() => openIdentity(path, silent)).toThrow(new RegExp(name));
});

it('lets in who has the role, and refuses the others by name', async () => {
  const port = await serve(open('node-a.agent.podferry'), atEnd);
  expect(await who(client(port, open(coordinatorName), agentName('node-a')))).toBe('{"kind":"coordinator"}');
  await expect(who(client(port, open('client.podferry'), agentName('node-a')))).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
    details: expect.stringContaining('client.podferry'),
  });
});

it('refuses a server that is somebody else', async () => {
  const port = await serve(open('node-a.agent.podferry'), atEnd);
  await expect(who(client(port, open(coordinatorName), agentName('node-b')))).rejects.toThrow(
    /must be node-b.agent.podferry/,
  );
  // Without a name that is expected, not even an address counts.
  const unnamed = new Client(`localhost:${port}`, open(coordinatorName).channelCredentials());
  ends.push(() => unnamed.close());
  await expect(who(unnamed)).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

it('refuses clients of another authority, and those without a certificate', async () => {
  const port = await serve(open('node-a.agent.podferry'), atEnd);
  const ca = await readFile(join(directory, 'tls', coordinatorName, 'ca.crt'));
  const foreign = join(directory, 'tls/foreign');
  const pair = await Promise.all(['tls.key', 'tls.crt'].map((name) => readFile(join(foreign, name))));
  const name = { 'grpc.ssl_target_name_override': agentName('node-a') };
  for (const channel of [
    credentials.createSsl(ca),
    credentials.createSsl(ca, pair[0], pair[1]),
    credentials.createInsecure(),
  ]) {
    const stranger = new Client(`127.0.0.1:${port}`, channel, name);
    ends.push(() => stranger.close());
    await expect(who(stranger)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  }
});

it('trusts its own authority alone, whatever the environment says', async () => {
  const port = await serve(open('foreign'), atEnd);
  const script = `
    import { Client } from '@grpc/grpc-js';
    import { openIdentity } from ${JSON.stringify(new URL('../../proto/identity.ts', import.meta.url).href)};
    const me = openIdentity(${JSON.stringify(join(directory, 'tls', coordinatorName))}, console);
    const client = new Client('127.0.0.1:${port}', me.channelCredentials(), me.channelOptions('client.podferry'));
    const same = (bytes) => bytes;
    client.makeUnaryRequest('/test/Who', same, same, Buffer.alloc(0), { deadline: Date.now() + 3000 }, (error) => {
      process.stdout.write(error.details);
      process.exit();
    });`;
  const extra = join(directory, 'tls/foreign/ca.crt');
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: new URL('../..', import.meta.url),
    env: { ...process.env, NODE_EXTRA_CA_CERTS: extra, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: extra, SSL_CERT_FILE: extra },
  });
  expect(stdout).toMatch(/self-signed certificate/);
});

it('asks nobody in plaintext', async () => {
  const port = await serve(open(undefined), atEnd);
  expect(await who(client(port, open(undefined), agentName('node-a')))).toBe('"anybody"');
  await expect(who(client(port, open(coordinatorName), agentName('node-a')))).rejects.toMatchObject({
    code: status.UNAVAILABLE,
  });
});

it('follows a Kubernetes secret to a new authority, and keeps the calls that are open', async () => {
  const secret = join(directory, 'tls/secret');
  const renewed = join(directory, 'renewed');
  await makeCertificates(renewed, ['node-a']);
  await cp(join(directory, 'tls/node-a.agent.podferry'), join(secret, '..2026_01'), { recursive: true });
  await cp(join(renewed, 'node-a.agent.podferry'), join(secret, '..2026_02'), { recursive: true });
  await symlink('..2026_01', join(secret, '..data'));
  for (const name of ['ca.crt', 'tls.crt', 'tls.key']) await symlink(join('..data', name), join(secret, name));
  const identity = open('secret', 20);
  const reloads: number[] = [];
  identity.onReload(() => reloads.push(1));
  const port = await serve(identity, atEnd);
  const before = client(port, open(coordinatorName), agentName('node-a'));
  await who(before);
  const channel = identity.channelCredentials();

  await symlink('..2026_02', join(secret, '..tmp'));
  await rename(join(secret, '..tmp'), join(secret, '..data'));
  await expect.poll(() => reloads.length).toBe(1);
  expect(await who(before)).toBe('{"kind":"coordinator"}');
  await expect(who(client(port, open(coordinatorName), agentName('node-a')))).rejects.toMatchObject({
    code: status.UNAVAILABLE,
  });
  const coordinator = openIdentity(join(renewed, coordinatorName), silent);
  ends.push(() => coordinator.close());
  expect(await who(client(port, coordinator, agentName('node-a')))).toBe('{"kind":"coordinator"}');

  // The same credentials, made before the reload, are the new identity when they connect after it.
  const other = await serve(coordinator, atEnd);
  const late = new Client(`127.0.0.1:${other}`, channel, identity.channelOptions(coordinatorName));
  ends.push(() => late.close());
  await expect(who(late)).rejects.toMatchObject({ code: status.PERMISSION_DENIED } satisfies Partial<ServiceError>);
});

it('keeps what it has while a renewal is half-written or broken', async () => {
  const path = join(directory, 'tls/renewing');
  await cp(join(directory, 'tls', coordinatorName), path, { recursive: true });
  const warned: string[] = [];
  const log = { info() {}, warn: (_: unknown, message?: string) => void warned.push(message ?? '') };
  const identity = openIdentity(path, log, { refreshMs: 10 });
  ends.push(() => identity.close());
  const cert = identity.tlsOptions()?.cert;
  // One file at a time, each whole: a look in the middle of a file would be another complaint, or none.
  const replace = async (name: string) => {
    await cp(join(directory, 'tls/client.podferry', name), join(path, `${name}.new`));
    await rename(join(path, `${name}.new`), join(path, name));
  };
  await replace('tls.key');
  await expect.poll(() => warned).toEqual([expect.stringContaining('kept the old ones')]);
  expect(identity.tlsOptions()?.cert).toBe(cert);
  await replace('tls.crt');
  await expect.poll(() => identity.role).toEqual({ kind: 'client' });
  expect(warned.length).toBe(1);
});
