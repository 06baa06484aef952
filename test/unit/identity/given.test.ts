/** An authority that somebody else keeps: read again and again, never written, and followed when it is replaced. */
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeAuthority, type Pair } from '../../../coordinator/identity/certificate.ts';
import { type Known, remember } from '../../../coordinator/identity/given.ts';
import type { Spans } from '../../../coordinator/identity/decide.ts';
import { certificatesIn } from '../../../proto/bundle.ts';
import { agentName } from '../../../proto/identity.ts';
import { serve, who } from './door.ts';
import { clientOf, Stage } from './stage.ts';

let stage: Stage;
const spans: Spans = { authorityMs: 0, certificateMs: 1_500, delayMs: 1_200 };
const make = async (): Promise<Pair> => await makeAuthority({ from: Date.now() - 1_000, until: Date.now() + 600_000 });
/** As cert-manager writes one that is its own root. */
const give = ({ certificate, key }: Pair) =>
  stage.store.putSecret({ 'tls.crt': certificate, 'tls.key': key, 'ca.crt': certificate });

beforeEach(async () => {
  stage = new Stage();
  await stage.store.start();
});
afterEach(async () => await stage.close());

it('is waited for, and its Secret is never written', async () => {
  const opening = stage.coordinator(spans, 'given');
  await sleep(300);
  expect(stage.store.writes).toEqual([]);
  const given = await make();
  give(given);
  stage.lead(await opening);
  await expect.poll(() => stage.store.trust).not.toBe('');
  const { identity } = await stage.agent('node-a');
  expect(identity.role).toEqual({ kind: 'agent', node: 'node-a' });
  await sleep(500);
  expect(new Set(stage.store.writes)).toEqual(new Set(['configmaps podferry-trust']));
});

it('is replaced: both are trusted while there are certificates of the old one', { timeout: 60_000 }, async () => {
  give(await make());
  const leader = await stage.coordinator(spans, 'given');
  const other = await stage.coordinator(spans, 'given');
  stage.lead(leader);
  await expect.poll(() => stage.store.trust).not.toBe('');
  const { identity } = await stage.agent('node-a');
  const port = await serve(identity, (end) => stage.atEnd(end));
  const kubelet = setInterval(() => {
    const trust = stage.store.trust;
    const later = setTimeout(() => void stage.bringTrust().then((file) => writeFile(file, trust)), 500);
    stage.atEnd(() => clearTimeout(later));
  }, 200);
  stage.atEnd(() => clearInterval(kubelet));
  const next = await make();
  give(next);
  const counts = new Set<number>();
  for (const end = Date.now() + 15_000; Date.now() < end; await sleep(50)) {
    counts.add(certificatesIn(stage.store.trust).length);
    for (const coordinator of [leader, other]) {
      const fresh = clientOf(stage, port, coordinator.identity, agentName('node-a'));
      expect(await who(fresh)).toBe('{"kind":"coordinator"}');
      fresh.close();
    }
    if (counts.has(2) && certificatesIn(stage.store.trust).length === 1) break;
  }
  expect([...counts]).toEqual([1, 2]);
  expect(certificatesIn(stage.store.trust)).toEqual(certificatesIn(next.certificate));
  expect(new Set(stage.store.writes)).toEqual(new Set(['configmaps podferry-trust']));
});

it('is remembered for as long as it may have certificates', async () => {
  const [one, two] = [await make(), await make()].map(({ certificate }) => certificatesIn(certificate)[0] ?? '');
  const now = Date.now();
  const first = remember(now, [one ?? ''], [], spans);
  expect(first).toEqual([{ certificate: one, since: now, until: undefined }]);
  const both = remember(now + 1, [two ?? ''], first, spans);
  const until = now + 1 + spans.delayMs + spans.certificateMs + 375;
  expect(both).toEqual<Known[]>([
    { certificate: two ?? '', since: now + 1, until: undefined },
    { certificate: one ?? '', since: now, until },
  ]);
  expect(remember(until - 1, [two ?? ''], both, spans)).toEqual(both);
  expect(remember(until, [two ?? ''], both, spans)).toHaveLength(1);
  // Whoever puts the old one back means it.
  expect(remember(until - 1, [one ?? ''], both, spans)[0]).toEqual({ certificate: one, since: now, until: undefined });
});
