/** Who may ask a coordinator, and whom it believes to be an agent. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openIdentity } from '../../../proto/identity.ts';
import type { NodesResponse__Output as NodesResponse } from '../../../proto/gen/podferry/v1/NodesResponse.ts';
import { makeCertificates } from '../../lab/certificates.ts';
import { FakeAgent } from './fake-agent.ts';
import { ask, connect, migrate, type Stage, stage, toB } from './stage.ts';

vi.setConfig({ testTimeout: 20_000 });

const log = pino({ level: 'silent' });
let tls: string;
let set: Stage;
beforeAll(async () => {
  tls = mkdtempSync(join(tmpdir(), 'podferry-'));
  await makeCertificates(tls, ['node-a', 'node-b']);
  set = await stage({ tls });
});
afterAll(async () => {
  await set.close();
  rmSync(tls, { recursive: true });
});

const as = (name: string | undefined) =>
  connect(set.coordinator, openIdentity(name === undefined ? undefined : join(tls, name), log));

it('moves a pod for a client, over mutual TLS on every hop', async () => {
  expect(await migrate(set)).toMatchObject({ phase: 'Succeeded' });
});

it('serves a coordinator, too', async () => {
  const { nodes } = await ask<NodesResponse>({ client: as('coordinator.podferry') }, 'Nodes', {});
  expect(nodes).toHaveLength(2);
});

it('refuses an agent, whatever it asks', async () => {
  const client = as('node-a.agent.podferry');
  await expect(ask({ client }, 'Nodes', {})).rejects.toMatchObject({
    reason: 'PermissionDenied',
    cause: { code: status.PERMISSION_DENIED },
  });
  await expect(migrate({ client }, toB)).rejects.toMatchObject({ reason: 'PermissionDenied' });
});

it.each([
  ['no certificate', undefined],
  ['a certificate of somebody else', 'foreign'],
])('does not even listen to %s', async (_what, name) => {
  await expect(ask({ client: as(name) }, 'Nodes', {})).rejects.toMatchObject({ cause: { code: status.UNAVAILABLE } });
});

it('does not take one agent for another', async () => {
  const impostor = new FakeAgent(
    'node-b',
    set.world,
    openIdentity(join(tls, 'node-a.agent.podferry'), log).serverCredentials(),
  );
  set.b.stop();
  impostor.port = set.b.port;
  await impostor.start();
  const { nodes } = await ask<NodesResponse>(set, 'Nodes', {});
  expect(nodes[1]).toMatchObject({ ready: false, problem: { reason: 'NodeNotReady' } });
  expect(impostor.calls).toEqual([]);
  impostor.stop();
});
