/** Agents get their own certificate, and nobody else's: by real servers and real TLS; the API server is made up. */
import { statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../../../agent/identity/ask.ts';
import { Enrolment } from '../../../agent/identity/enrolment.ts';
import { makeRequest } from '../../../agent/identity/request.ts';
import { connect } from '../../../agent/transfer/stream/connect.ts';
import { Listener } from '../../../agent/transfer/stream/listener.ts';
import { validityOf } from '../../../coordinator/identity/certificate.ts';
import { certificatesIn } from '../../../proto/bundle.ts';
import { agentName, coordinatorName, openIdentity } from '../../../proto/identity.ts';
import { load } from '../../../proto/load.ts';
import type { Token } from './store.ts';
import { serve, who } from './door.ts';
import { calm, clientOf, silent, Stage } from './stage.ts';

let stage: Stage;

beforeEach(async () => {
  stage = new Stage();
  await stage.store.start();
});
afterEach(async () => await stage.close());

/** A coordinator that leads and has told whom to trust. */
async function leader() {
  const authority = await stage.coordinator(calm);
  stage.lead(authority);
  await expect.poll(() => stage.store.trust).not.toBe('');
  return authority;
}

async function issueFor(token: string, request?: Buffer) {
  const tokenFile = join(stage.directory, 'token');
  await writeFile(tokenFile, token);
  return await ask(
    request ?? (await makeRequest()).request,
    { authority: stage.address, tokenFile },
    stage.store.trust,
  );
}

describe('an agent', () => {
  it('gets its certificate, and is who it is to the coordinator and to agents', async () => {
    const { identity: coordinator } = await leader();
    const { identity: a, options } = await stage.agent('node-a');
    const { identity: b } = await stage.agent('node-b');
    expect([coordinator.role, a.role, b.role]).toEqual([
      { kind: 'coordinator' },
      { kind: 'agent', node: 'node-a' },
      { kind: 'agent', node: 'node-b' },
    ]);
    const port = await serve(a, (end) => stage.atEnd(end));
    expect(await who(clientOf(stage, port, coordinator, agentName('node-a')))).toBe('{"kind":"coordinator"}');
    await expect(who(clientOf(stage, port, b, agentName('node-a')))).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    for (const file of ['ca.crt', 'tls.crt', 'tls.key'])
      expect(statSync(join(options.tlsDir, file)).mode & 0o077).toBe(0);
    expect(openIdentity(options.tlsDir, silent).role).toEqual({ kind: 'agent', node: 'node-a' });
  });

  it('has a certificate for as long as was said, and not longer', async () => {
    const { identity: coordinator } = await leader();
    const { identity } = await stage.agent('node-a');
    for (const { expiresAt } of [coordinator, identity])
      expect(((expiresAt ?? 0) - Date.now()) / calm.certificateMs).toBeCloseTo(1, 1);
    const { from, until } = validityOf(identity.tlsOptions()?.cert.toString() ?? '');
    expect(Date.now() - from).toBeGreaterThan(60_000);
    expect(until).toBe(identity.expiresAt);
  });

  it('waits until there are a trust, a token and a coordinator, and says what for', async () => {
    const said: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(line) });
    const file = (name: string) => join(stage.directory, name);
    const options = {
      node: 'node-a',
      authority: '127.0.0.1:1',
      tokenFile: file('token'),
      caFile: file('ca.crt'),
      tlsDir: file('tls'),
    };
    const gone = new AbortController();
    const pace = { firstPauseMs: 20, longestPauseMs: 20, lookMs: 50 };
    const opening = Enrolment.open(options, log, gone.signal, pace);
    await expect.poll(() => said.at(-1)).toMatch(/waits for a certificate: nobody is trusted yet: .*ca.crt/);
    await leader();
    await stage.bringTrust();
    await expect.poll(() => said.at(-1)).toMatch(/cannot read the token in .*token: ENOENT/);
    await writeFile(options.tokenFile, stage.store.addAgent('node-a'));
    await expect.poll(() => said.at(-1)).toMatch(/coordinator at 127.0.0.1:1 gives no certificate: .*ECONNREFUSED/);
    options.authority = stage.address;
    await opening;
    expect(openIdentity(options.tlsDir, silent).role).toEqual({ kind: 'agent', node: 'node-a' });
  });

  it('starts with what its last life has left, though nobody answers', async () => {
    await leader();
    const { options, gone } = await stage.agent('node-a');
    gone.abort();
    const again = { ...options, authority: '127.0.0.1:1' };
    const { signal } = new AbortController();
    expect((await Enrolment.open(again, silent, signal)).read().cert.length).toBeGreaterThan(100);
    // On another node it would be somebody else's.
    const elsewhere = Enrolment.open({ ...again, node: 'node-b' }, silent, AbortSignal.timeout(200));
    await expect(elsewhere).rejects.toThrow();
  });

  it('does not take what is for another node than it says to be on', async () => {
    await leader();
    const said: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(line) });
    const { options, gone } = await stage.agent('node-a');
    gone.abort();
    const tlsDir = join(stage.directory, 'tls-of-nobody');
    const opening = Enrolment.open({ ...options, node: 'node-b', tlsDir }, log, AbortSignal.timeout(500));
    await expect(opening).rejects.toThrow();
    expect(said.join()).toContain('is --node its pod’s node?');
  });

  it('renews in time, keeps what it has when that fails, and says so', async () => {
    const authority = await stage.coordinator({ authorityMs: 60_000, certificateMs: 2_000, delayMs: 1_000 });
    stage.lead(authority);
    await expect.poll(() => stage.store.trust).not.toBe('');
    const { identity, options } = await stage.agent('node-a');
    const port = await serve(identity, (end) => stage.atEnd(end));
    const first = identity.expiresAt ?? 0;
    await expect.poll(() => identity.expiresAt, { timeout: 5_000 }).toBeGreaterThan(first);
    // Past the end of the first one.
    await sleep(Math.max(0, first + 500 - Date.now()));
    const call = async () =>
      await who(clientOf(stage, port, authority.identity, agentName('node-a'))).catch((error: unknown) =>
        String(error),
      );
    expect(await call()).toBe('{"kind":"coordinator"}');
    await writeFile(options.tokenFile, 'token.nobody');
    const last = identity.expiresAt ?? 0;
    await sleep(Math.max(0, last - 300 - Date.now()));
    expect(await call()).toBe('{"kind":"coordinator"}');
    await sleep(1_400);
    expect(await call()).toMatch(/certificate has expired/);
    await writeFile(options.tokenFile, stage.store.addAgent('node-a'));
    await expect.poll(call, { timeout: 5_000 }).toBe('{"kind":"coordinator"}');
  });

  it('trusts at once whom the file names, and keeps all when that is broken', async () => {
    await leader();
    const { identity, options } = await stage.agent('node-a');
    const before = await readFile(options.caFile, 'utf8');
    const other = new Stage();
    await other.store.start();
    other.lead(await other.coordinator(calm));
    await expect.poll(() => other.store.trust).not.toBe('');
    const trusted = () => certificatesIn(identity.tlsOptions()?.ca.toString() ?? '').length;
    await writeFile(options.caFile, before + other.store.trust);
    await expect.poll(trusted).toBe(2);
    for (const broken of ['', 'garbage', identity.tlsOptions()?.cert.toString() ?? '']) {
      await writeFile(options.caFile, broken);
      await sleep(150);
      expect(trusted()).toBe(2);
    }
    // What neither the file nor the coordinator says any more is trusted no more.
    await writeFile(options.caFile, before);
    await expect.poll(trusted).toBe(1);
    await other.close();
  });
});

describe('nobody gets a certificate', () => {
  const extra = (more: Record<string, string[]>): Token['extra'] =>
    Object.fromEntries(Object.entries(more).map(([key, value]) => [`authentication.kubernetes.io/${key}`, value]));
  const own = { 'pod-name': ['podferry-agent-node-a'], 'pod-uid': ['uid-of-podferry-agent-node-a'] };

  it.each<[string, Partial<Token>, string, RegExp]>([
    ['for another audience', { audiences: ['vault'] }, 'Unauthenticated', /not for this audience/],
    [
      'of another ServiceAccount',
      { username: 'system:serviceaccount:podferry-system:default' },
      'PermissionDenied',
      /agents are ServiceAccount podferry-agent of namespace podferry-system/,
    ],
    [
      'of that name in another namespace',
      { username: 'system:serviceaccount:default:podferry-agent' },
      'PermissionDenied',
      /of namespace podferry-system/,
    ],
    ['of a person', { username: 'podferry-agent' }, 'PermissionDenied', /agents are/],
    ['that is bound to nothing', { extra: {} }, 'PermissionDenied', /not bound to a pod/],
    [
      'of a pod that has been followed by another one',
      { extra: extra({ ...own, 'pod-uid': ['older'] }) },
      'PermissionDenied',
      /gone, another one has that name/,
    ],
    [
      'of a pod that is gone',
      { extra: extra({ 'pod-name': ['nobody'], 'pod-uid': ['u'] }) },
      'PermissionDenied',
      /is not there/,
    ],
    [
      'that was given on another node',
      { extra: extra({ ...own, 'node-name': ['node-b'] }) },
      'PermissionDenied',
      /given to a pod on node-b, but .* is on node-a/,
    ],
  ])('with a token %s', async (_what, token, reason, message) => {
    await leader();
    const refusal = issueFor(stage.store.addAgent('node-a', { token }));
    await expect(refusal).rejects.toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  it.each([
    ['is on no node', { nodeName: '' }, /is on no node/],
    ['runs as somebody else', { serviceAccountName: 'default' }, /runs as ServiceAccount default/],
  ])('whose pod %s', async (_what, pod, message) => {
    await leader();
    const refusal = issueFor(stage.store.addAgent('node-a', { pod: { containers: [], ...pod } }));
    await expect(refusal).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message: expect.stringMatching(message),
    });
  });

  it('without a token, or with one of nobody, whatever certificate is shown', async () => {
    const { identity } = await leader();
    const { request } = await makeRequest();
    const service = load('authority.proto').podferry.v1.Authority;
    for (const [by, headers] of [
      [credentials.createSsl(Buffer.from(stage.store.trust)), new Metadata()],
      [identity.channelCredentials(), new Metadata()],
      [identity.channelCredentials(), Metadata.fromHttp2Headers({ authorization: 'Bearer nobody' })],
    ] as const) {
      const client = new service(stage.address, by, identity.channelOptions(coordinatorName));
      const code = await new Promise((resolve) =>
        client.Issue({ certificate_request: request }, headers, (error) => resolve(error?.code)),
      );
      client.close();
      expect(code).toBe(status.UNAUTHENTICATED);
    }
  });
});

describe('a stolen certificate of node-a', () => {
  const nodeB = agentName('node-b');

  it('does not serve as node-b, to the coordinator or to another agent', async () => {
    const { identity: coordinator } = await leader();
    const { identity: stolen } = await stage.agent('node-a');
    const { identity: c } = await stage.agent('node-c');
    const port = await serve(stolen, (end) => stage.atEnd(end));
    for (const caller of [coordinator, c])
      await expect(who(clientOf(stage, port, caller, nodeB))).rejects.toThrow(/must be node-b.agent.podferry/);
    const listener = new Listener({ address: '127.0.0.1:0', identity: stolen, log: silent, stallMs: 1_000 });
    await listener.listen();
    const to = { migration: 'm', address: `127.0.0.1:${listener.port}`, peer: 'node-b', token: 't' };
    const { signal } = new AbortController();
    await expect(connect(to, c, 1_000, signal)).rejects.toThrow(/must be node-b.agent.podferry/);
    await listener.close();
  });

  it('does not bring the pod of node-b to another agent, though it has that one’s token', async () => {
    await leader();
    const { identity: stolen } = await stage.agent('node-a');
    const { identity: c } = await stage.agent('node-c');
    const listener = new Listener({ address: '127.0.0.1:0', identity: c, log: silent, stallMs: 1_000 });
    await listener.listen();
    const inbox = listener.expect({ migration: 'm', peer: 'node-b', validMs: 60_000 }, {} as never);
    const to = { migration: 'm', address: `127.0.0.1:${listener.port}`, peer: 'node-c', token: inbox.token };
    const { signal } = new AbortController();
    await expect(connect(to, stolen, 1_000, signal)).rejects.toMatchObject({ reason: 'PermissionDenied' });
    await listener.close();
  });

  it('does not call agents as the coordinator', async () => {
    await leader();
    const { identity: stolen } = await stage.agent('node-a');
    const { identity: b } = await stage.agent('node-b');
    await expect(who(clientOf(stage, await serve(b, (end) => stage.atEnd(end)), stolen, nodeB))).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
  });

  it('gets none of node-b, with its own token or without', async () => {
    const { identity: coordinator } = await leader();
    const { identity: stolen, options } = await stage.agent('node-a');
    stage.store.addAgent('node-b');
    const token = await readFile(options.tokenFile, 'utf8');
    // The request may say what it likes.
    const { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } = await import(
      '../../../proto/x509.ts'
    );
    const elliptic = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const hostile = await Pkcs10CertificateRequestGenerator.create({
      name: `CN=${nodeB}`,
      keys: await crypto.subtle.generateKey(elliptic, true, ['sign', 'verify']),
      signingAlgorithm: elliptic,
      extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: nodeB }])],
    });
    const { certificate } = await issueFor(token, Buffer.from(hostile.rawData));
    const { X509Certificate } = await import('node:crypto');
    expect(new X509Certificate(certificate).subjectAltName).toBe('DNS:node-a.agent.podferry');
    expect(certificate).not.toContain(nodeB);
    // A certificate is no token.
    const service = load('authority.proto').podferry.v1.Authority;
    const client = new service(stage.address, stolen.channelCredentials(), coordinator.channelOptions(coordinatorName));
    const code = await new Promise((resolve) =>
      client.Issue({ certificate_request: Buffer.from(hostile.rawData) }, (error) => resolve(error?.code)),
    );
    client.close();
    expect(code).toBe(status.UNAUTHENTICATED);
  });
});

it('a server of somebody else gets no token', async () => {
  const other = new Stage();
  await other.store.start();
  other.lead(await other.coordinator(calm));
  await leader();
  const tokenFile = join(stage.directory, 'token');
  await writeFile(tokenFile, stage.store.addAgent('node-a'));
  const asked = ask((await makeRequest()).request, { authority: other.address, tokenFile }, stage.store.trust);
  await expect(asked).rejects.toMatchObject({ message: expect.stringMatching(/self-signed certificate/) });
  expect(other.store.server.requests.filter((line) => line.includes('tokenreviews'))).toEqual([]);
  await other.close();
});

it('who asks without TLS is not even heard', async () => {
  await leader();
  const client = new Client(stage.address, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  const code = await new Promise((resolve) =>
    client.makeUnaryRequest('/podferry.v1.Authority/Issue', same, same, Buffer.alloc(0), (error) =>
      resolve(error?.code),
    ),
  );
  client.close();
  expect(code).toBe(status.UNAVAILABLE);
});
