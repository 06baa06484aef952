/** Who may say what to whom: certificates, tokens, and names that would lead elsewhere. Nothing is touched by any. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PodManifest__Output } from '../../proto/gen/podferry/v1/PodManifest.ts';
import {
  addressOf,
  agentIdentity,
  clientIdentity,
  coordinatorIdentity,
  foreignIdentity,
  type NodeName,
  open,
  ports,
} from '../lab/index.ts';
import { nodeProgramInNode, repositoryInNode, tlsInNode } from '../lab/layout.ts';
import { askAgent, askCoordinator } from './ask-part.ts';
import type { Answer } from './call.ts';
import { changesSince, inventoryOf } from './inventory.ts';
import { Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);
const id = 'mig-stranger';

const plan = {
  id,
  pod: { namespace: 'default', name: 'counter', uid: '' },
  source_node: 'node-a',
  target_node: 'node-b',
  strategy: 'stop_and_copy',
  transport: 'stream',
  freeze_deadline_ms: 5_000,
  wait_deadline_ms: 60_000,
  linger_ms: 0,
};
let manifest: PodManifest__Output;

beforeAll(async () => {
  await pods.run({ name: 'counter', image: 'counter' });
  const { pod, transport } = { ...plan, transport: 'stream' };
  const asked = await askAgent(lab, 'node-a', 'PreflightSource', { pod, transport });
  ({ manifest } = (asked.replies as [{ manifest: PodManifest__Output }])[0]);
  return async () => await pods.remove();
});

async function expectUntouched(ask: () => Promise<Answer>, answer: Partial<Answer>): Promise<void> {
  const before = await inventoryOf(lab);
  expect(await ask()).toMatchObject(answer);
  expect(await changesSince(lab, before)).toEqual({});
}

describe('a certificate', () => {
  const denied = { status: 'PERMISSION_DENIED', reason: 'PermissionDenied' };
  const unheard = { status: 'UNAVAILABLE', reason: '', replies: [] };

  it('of none: no part talks to it', async () => {
    for (const ask of [askCoordinatorToMigrate, askAgentToPrepare]) {
      await expectUntouched(async () => await ask({ anonymous: true }), unheard);
    }
  });

  it('of another authority: no part talks to it', async () => {
    for (const ask of [askCoordinatorToMigrate, askAgentToPrepare]) {
      await expectUntouched(async () => await ask({ identity: foreignIdentity }), unheard);
    }
  });

  it('of a client or of another agent: no agent takes commands from it', async () => {
    for (const identity of [clientIdentity, agentIdentity('node-a')]) {
      await expectUntouched(async () => await askAgentToPrepare({ identity }), denied);
    }
  });

  it('of an agent: it cannot have a pod moved', async () => {
    const identity = agentIdentity('node-a');
    await expectUntouched(async () => await askCoordinatorToMigrate({ identity }), denied);
  });

  async function askCoordinatorToMigrate(who: object): Promise<Answer> {
    return await askCoordinator(lab, 'Migrate', { pod: plan.pod, target_node: 'node-b' }, who);
  }

  async function askAgentToPrepare(who: object): Promise<Answer> {
    return await askAgent(lab, 'node-b', 'PrepareTarget', { plan, manifest }, who);
  }
});

describe('an agent refuses', () => {
  const invalid = { status: 'INVALID_ARGUMENT', reason: 'InvalidArgument' };
  const calls = ['Commit', 'Revoke', 'RollBackSource', 'ReleaseSource', 'Arm', 'CopyAhead', 'FreezeAndSend'];
  const ofTarget = ['CreateTargetPod', 'Receive', 'Restore', 'FinishTarget', 'DiscardTarget'];
  const ofCheckpoints = ['ReadCheckpoint', 'RemoveCheckpoint'];

  it.each(['', '..', 'a/../../b', 'Upper', 'a'.repeat(64), 'a b', '$(id)', '-x'])('%j as an id', async (migration) => {
    const before = await inventoryOf(lab);
    const answers = await Promise.all(
      [...calls, ...ofTarget, ...ofCheckpoints].map(
        async (call) => await askAgent(lab, 'node-a', call, { migration, id: migration }),
      ),
    );
    for (const answer of answers) expect(answer).toMatchObject(invalid);
    expect(await changesSince(lab, before)).toEqual({});
  });

  it('a migration that it does not know', async () => {
    for (const call of calls) {
      const answer = await askAgent(lab, 'node-a', call, { migration: 'mig-unknown' });
      expect(answer).toMatchObject({ status: 'NOT_FOUND', reason: 'MigrationNotFound' });
    }
  });

  const container = () => manifest.containers[0];
  const target_pod = { namespace: 'default', name: 'copy' };
  const copy = { ...plan, source_node: '', transport: 'directory', target_pod };
  const digest = `sha256:${'0'.repeat(64)}`;
  const wrong: [string, () => object][] = [
    ['no plan', () => ({ manifest })],
    ['no manifest', () => ({ plan })],
    ['no container', () => ({ plan, manifest: { ...manifest, containers: [] } })],
    ['an id with a path in it', () => ({ plan: { ...plan, id: '../../etc' }, manifest })],
    ['no pod', () => ({ plan: { ...plan, pod: null }, manifest })],
    ['a plan for another node', () => ({ plan: { ...plan, target_node: 'node-z' }, manifest })],
    ['the source as its target', () => ({ plan: { ...plan, source_node: 'node-b' }, manifest })],
    ['half a migration without a checkpoint', () => ({ plan: { ...plan, source_node: '' }, manifest })],
    ['a checkpoint in a whole one', () => ({ plan: { ...plan, checkpoint: { id: 'ckp-1' } }, manifest })],
    ['a checkpoint without its digest', () => ({ plan: { ...copy, checkpoint: { id: 'ckp-1' } }, manifest })],
    ['a checkpoint of a path', () => ({ plan: { ...copy, checkpoint: { id: '../etc', digest } }, manifest })],
    ['no time to wait', () => ({ plan: { ...plan, wait_deadline_ms: 0 }, manifest })],
    ['a time that no timer holds', () => ({ plan: { ...plan, wait_deadline_ms: 4_294_967_295 }, manifest })],
    ['an endless freeze', () => ({ plan: { ...plan, freeze_deadline_ms: 4_294_967_295 }, manifest })],
    ['memory that is no number', () => ({ plan, manifest: { ...manifest, memory_bytes: 'much' } })],
    ['a sandbox that is no JSON', () => ({ plan, manifest: { ...manifest, sandbox_config_json: '{' } })],
    ...['../x', '/etc', 'a b', ''].map((name): [string, () => object] => [
      `${JSON.stringify(name)} as a container's name`,
      () => ({ plan, manifest: { ...manifest, containers: [{ ...container(), name }] } }),
    ]),
    ...['', 'dev', '/dev/../etc', '/dev x', '/dev]:/etc\nexternal mnt[y', '//dev'].map(
      (mount_point): [string, () => object] => [
        `${JSON.stringify(mount_point)} as a mount point`,
        () => ({
          plan,
          manifest: {
            ...manifest,
            containers: [{ ...container(), external_mounts: [{ mount_point, options: 'rw' }] }],
          },
        }),
      ],
    ),
  ];
  it.each(wrong)('to prepare for %s', async (_, request) => {
    const answer = await askAgent(lab, 'node-b', 'PrepareTarget', request());
    expect(answer.status, answer.message).toBe('INVALID_ARGUMENT');
    expect(await migrationsOn('node-b')).toBe(0);
  });

  it('to let a pod go for a plan that is not its own', async () => {
    const request = { data_address: `${addressOf('node-b')}:${ports.agentData}`, token: 'x' };
    const foreign = { ...request, plan: { ...plan, source_node: 'node-b', target_node: 'node-a' } };
    expect(await askAgent(lab, 'node-a', 'PrepareSource', foreign)).toMatchObject(invalid);
    const forged = await askAgent(lab, 'node-a', 'PrepareSource', { ...request, plan });
    expect(forged).toMatchObject({ status: 'PERMISSION_DENIED', reason: 'PermissionDenied' });
    expect(await migrationsOn('node-a')).toBe(0);
  });

  async function migrationsOn(node: NodeName): Promise<number> {
    const { replies } = await askAgent(lab, node, 'Facts', {});
    return (replies as [{ migrations: number }])[0].migrations;
  }
});

describe('the data socket', () => {
  afterEach(async () => {
    await askAgent(lab, 'node-b', 'DiscardTarget', { migration: id });
  });

  /** @param source whose connection the token is for */
  async function prepare(source = 'node-a'): Promise<string> {
    const request = { plan: { ...plan, source_node: source }, manifest };
    const { replies, message } = await askAgent(lab, 'node-b', 'PrepareTarget', request);
    expect(message).toBe('');
    return (replies as [{ token: string }])[0].token;
  }

  async function offer(token: string, migration = id): Promise<{ reason: string; message: string }> {
    const to = { migration, address: `${addressOf('node-b')}:${ports.agentData}`, peer: 'node-b', token };
    const argv = [nodeProgramInNode, join(repositoryInNode, 'test/integration/offer.ts')];
    const said = await lab.run('node-a', argv, { stdin: JSON.stringify({ ...to, tls: tlsInNode }) });
    return JSON.parse(said) as { reason: string; message: string };
  }

  it('takes a token once', async () => {
    const before = await inventoryOf(lab);
    const token = await prepare();
    expect(await offer(token)).toMatchObject({ reason: 'welcome' });
    expect(await offer(token)).toMatchObject({ reason: 'PermissionDenied' });
    await askAgent(lab, 'node-b', 'DiscardTarget', { migration: id });
    expect(await offer(token)).toMatchObject({ reason: 'PermissionDenied' });
    expect(await changesSince(lab, before)).toEqual({});
  });

  it('takes none that was made up, and none for another migration', async () => {
    const token = await prepare();
    expect(await offer('')).toMatchObject({ reason: 'PermissionDenied' });
    expect(await offer(randomBytes(32).toString('base64url'))).toMatchObject({ reason: 'PermissionDenied' });
    expect(await offer(token, 'mig-another')).toMatchObject({ reason: 'PermissionDenied' });
  });

  it('takes none from a node that it is not for', async () => {
    expect(await offer(await prepare('node-c'))).toMatchObject({ reason: 'PermissionDenied' });
  });

  it('hears nobody without a certificate', async () => {
    // The refusal comes after the handshake, for a client that is still there to hear it.
    const to = ['-connect', `${addressOf('node-b')}:${ports.agentData}`, '-tls1_3', '-ign_eof'];
    const { stdout, stderr } = await lab.exec('control', ['timeout', '5', 'openssl', 's_client', ...to], {
      stdin: 'hello\n',
    });
    expect(stdout + stderr).toMatch(/certificate required|alert/);
  });
});

describe('without TLS', () => {
  const agent = [nodeProgramInNode, join(repositoryInNode, 'agent/main.ts'), '--node', 'node-a'];
  const places = ['--listen', '127.0.0.1:17440', '--data-listen', '127.0.0.1:17441', '--metrics-listen', '127.0.0.1:0'];
  const coordinator = [process.execPath, join(import.meta.dirname, '../../coordinator/main.ts'), '--agents', ''];

  it('neither part starts unless it is told to', async () => {
    const { code, stdout } = await lab.exec('node-a', [...agent, ...places]);
    expect(code).toBe(2);
    expect(stdout).toContain('--insecure-plaintext');
    const other = await lab.exec('control', coordinator);
    expect(other.code).toBe(2);
    expect(other.stderr + other.stdout).toContain('--insecure-plaintext');
  });

  it('both warn', async () => {
    const flags = [...places, '--insecure-plaintext', '--state-dir', '/run/podferry-plaintext'];
    const warned = await lab.exec('node-a', ['timeout', '4', ...agent, ...flags]);
    expect(warned.stdout).toContain('anybody who reaches these ports is root on this node');
    const listening = ['--insecure-plaintext', '--listen', '127.0.0.1:17443', '--metrics-listen', '127.0.0.1:17444'];
    const other = await lab.exec('control', [
      'timeout',
      '3',
      ...coordinator.slice(0, 2),
      ...listening,
      '--agents',
      'node-a=127.0.0.1:1',
    ]);
    expect(other.stderr + other.stdout).toMatch(/without TLS|plaintext/);
  });
});

it('knows its own coordinator', async () => {
  const identity = coordinatorIdentity;
  expect(await askAgent(lab, 'node-a', 'Facts', {}, { identity })).toMatchObject({ status: 'OK' });
});
