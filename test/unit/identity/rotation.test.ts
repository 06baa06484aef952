/** One authority follows another while connections are open and others come: within seconds here, as in months elsewhere. */
import { connect as connectTls, createServer } from 'node:tls';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeAuthority, openSigner, validityOf } from '../../../coordinator/identity/certificate.ts';
import type { Spans } from '../../../coordinator/identity/decide.ts';
import { certificatesIn } from '../../../proto/bundle.ts';
import { agentName, coordinatorName, type Identity, identityFrom, mustBe } from '../../../proto/identity.ts';
import { keyInPem, makeKeys } from '../../../proto/x509.ts';
import { serve, who } from './door.ts';
import { clientOf, silent, Stage } from './stage.ts';

let stage: Stage;
// Of a certificate's life a third is left when it is renewed: enough for a machine that has other things to do.
const quick: Spans = { authorityMs: 45_000, certificateMs: 6_000, delayMs: 3_000 };

beforeEach(async () => {
  stage = new Stage();
  await stage.store.start();
});
afterEach(async () => await stage.close());

/** As kubelet does, some time later. */
function bringTrustAgainAndAgain(lagMs: number): void {
  const bring = async () => {
    const trust = stage.store.trust;
    await sleep(lagMs);
    await writeFile(await stage.bringTrust(), trust);
  };
  const timer = setInterval(() => void bring().catch(() => {}), 200);
  stage.atEnd(async () => {
    clearInterval(timer);
    await sleep(lagMs + 300);
  });
}

/** A data socket's handshake, from one agent to another. */
async function shakeHands(from: Identity, to: { port: number; node: string }): Promise<void> {
  const name = agentName(to.node);
  const socket = connectTls({
    ...from.tlsOptions(),
    host: '127.0.0.1',
    port: to.port,
    servername: name,
    checkServerIdentity: (_, certificate) => mustBe(name, certificate),
  });
  try {
    // A server that does not like the certificate says so only after the handshake.
    await once(socket, 'data');
  } finally {
    socket.destroy();
  }
}

async function dataSocketOf(identity: Identity): Promise<number> {
  const server = createServer({ ...identity.tlsOptions(), requestCert: true, rejectUnauthorized: true }, (socket) => {
    socket.on('error', () => {});
    socket.end('welcome');
  });
  identity.onReload(() => server.setSecureContext({ ...identity.tlsOptions() }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stage.atEnd(() => void server.close());
  return (server.address() as AddressInfo).port;
}

it('everybody trusts everybody at each stage, and the former one is nobody’s afterwards', {
  timeout: 120_000,
}, async () => {
  const leader = await stage.coordinator(quick);
  const other = await stage.coordinator(quick);
  stage.lead(leader);
  await expect.poll(() => stage.store.trust).not.toBe('');
  const first = { certificate: stage.store.secret['tls.crt'] ?? '', key: stage.store.secret['tls.key'] ?? '' };
  const [a, b] = [await stage.agent('node-a'), await stage.agent('node-b')];
  bringTrustAgainAndAgain(500);
  const port = await serve(a.identity, (end) => stage.atEnd(end));
  const data = { port: await dataSocketOf(b.identity), node: 'node-b' };
  const steady = clientOf(stage, port, leader.identity, agentName('node-a'));
  const early = clientOf(stage, port, await forge(first, coordinatorName), agentName('node-a'));
  expect(await who(early)).toBe('{"kind":"coordinator"}');
  const stages: string[] = [];
  let [rounds, hellos] = [0, 0];
  for (const end = Date.now() + 60_000; Date.now() < end && stages.at(-1) !== 'forgotten'; rounds += 1) {
    const { 'tls.crt': signs, 'former.crt': former, 'next.crt': next } = stage.store.secret;
    const isFirst = signs === first.certificate;
    const before = next === undefined ? 'first' : 'announced';
    const now = isFirst ? before : former === undefined ? 'forgotten' : 'turned';
    if (stages.at(-1) !== now) stages.push(now);
    expect(await who(steady), now).toBe('{"kind":"coordinator"}');
    for (const { identity } of [leader, other]) {
      const fresh = clientOf(stage, port, identity, agentName('node-a'));
      expect(await who(fresh), now).toBe('{"kind":"coordinator"}');
      fresh.close();
    }
    await shakeHands(a.identity, data);
    hellos += 1;
    // One that comes now is one of them at once.
    if (rounds % 10 === 9) {
      const late = await stage.agent(`late-${rounds}`);
      await shakeHands(late.identity, data);
      late.gone.abort();
    }
    await sleep(100);
  }
  expect(stages).toEqual(['first', 'announced', 'turned', 'forgotten']);
  expect(hellos).toBeGreaterThan(30);
  expect(certificatesIn(stage.store.trust)).toHaveLength(1);
  expect(JSON.stringify(stage.store.secret)).not.toContain(first.key);

  // Its key is good for nothing by now, if somebody has kept it: it is not over, it is not trusted.
  await expect.poll(() => certificatesIn(a.identity.tlsOptions()?.ca.toString() ?? '')).toHaveLength(1);
  const forged = clientOf(stage, port, await forge(first, coordinatorName), agentName('node-a'));
  await expect(who(forged)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect(Date.now()).toBeLessThan(validityOf(first.certificate).until);
});

async function forge(by: { certificate: string; key: string }, name: string): Promise<Identity> {
  const { publicKey, privateKey } = await makeKeys();
  const span = { from: Date.now() - 1_000, until: Date.now() + 60_000 };
  const cert = Buffer.from(await openSigner(by).sign(name, publicKey, span));
  const files = { ca: Buffer.from(stage.store.trust), cert, key: Buffer.from(await keyInPem(privateKey)) };
  const identity = identityFrom({ where: 'nowhere', read: () => files, watch: () => () => {} }, silent);
  stage.atEnd(() => identity.close());
  return identity;
}

const calm: Spans = { authorityMs: 3_600_000, certificateMs: 60_000, delayMs: 60_000 };

it('of two that come at once one makes it, and both use that', async () => {
  const both = await Promise.all([stage.coordinator(calm), stage.coordinator(calm)]);
  const [one, other] = both.map(({ identity }) => identity.tlsOptions()?.ca.toString());
  expect(one).toBe(other);
  expect(stage.store.writes).toEqual(['secrets podferry-authority']);
});

it('only who leads publishes and replaces; it stops when it does not lead any more', async () => {
  const brisk = { ...calm, delayMs: 400 };
  const [one, other] = [await stage.coordinator(brisk), await stage.coordinator(brisk)];
  await sleep(300);
  expect(stage.store.trust).toBe('');
  const leads = stage.lead(one);
  await expect.poll(() => stage.store.trust).not.toBe('');
  leads.abort();
  await sleep(200);
  stage.store.objects.delete('configmaps/podferry-trust');
  await sleep(300);
  expect(stage.store.trust).toBe('');
  stage.lead(other);
  await expect.poll(() => stage.store.trust).not.toBe('');
});

it('a Secret that somebody has deleted is put back; one that cannot be read is left alone', async () => {
  const authority = await stage.coordinator({ ...calm, delayMs: 400 });
  stage.lead(authority);
  await expect.poll(() => stage.store.trust).not.toBe('');
  const before = stage.store.secret;
  stage.store.objects.delete('secrets/podferry-authority');
  await expect.poll(() => stage.store.secret['tls.key']).toBe(before['tls.key']);
  stage.store.putSecret({ ...before, 'tls.key': (await makeAuthority({ from: 0, until: Date.now() })).key });
  const broken = stage.store.secret;
  await sleep(400);
  expect(stage.store.secret).toEqual(broken);
  // What it has is good for as long as it is.
  expect(authority.identity.role).toEqual({ kind: 'coordinator' });
});

it('the trust is put right when somebody has changed it', async () => {
  stage.lead(await stage.coordinator({ ...calm, delayMs: 400 }));
  await expect.poll(() => stage.store.trust).not.toBe('');
  const right = stage.store.trust;
  const { certificate } = await makeAuthority({ from: Date.now(), until: Date.now() + 60_000 });
  stage.store.put('configmaps', { metadata: { name: 'podferry-trust' }, data: { 'ca.crt': certificate } });
  await expect.poll(() => stage.store.trust).toBe(right);
  expect(await readFile(await stage.bringTrust(), 'utf8')).toBe(right);
});
