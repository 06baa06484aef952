/** What cannot be moved is refused before anything is touched, with a reason that scripts can act on. */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { clientFlags, clientIdentity, open, type PodSpec, startAgent, stopAgent } from '../lab/index.ts';
import { askAgent, askCoordinator } from './ask-part.ts';
import { Attempt } from './attempt.ts';
import type { Answer } from './call.ts';
import { changesSince, inventoryOf } from './inventory.ts';
import { Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);
const cli = join(import.meta.dirname, '../../coordinator/cli/kubectl-migrate.ts');

afterEach(async () => await pods.remove());

async function ask(words: readonly string[], identity = clientIdentity): Promise<{ code: number; stderr: string }> {
  const flags = clientFlags(lab, identity);
  const { code, stderr } = await lab.exec('control', [process.execPath, cli, ...words, ...flags]);
  return { code: code ?? -1, stderr };
}

/** Exit code 2, the reason, the gRPC status to other programs, and both nodes as they were. */
async function expectRefused(words: readonly string[], reason: string, status: string): Promise<void> {
  const before = await inventoryOf(lab);
  const { code, stderr } = await ask(words);
  expect(stderr).toContain(reason);
  expect(code).toBe(2);
  expect(await overGrpc(words)).toMatchObject({ status, reason });
  expect(await changesSince(lab, before)).toEqual({});
}

/** The same as a program would ask for it. */
async function overGrpc([first = '', second = '', ...rest]: readonly string[]): Promise<Answer> {
  if (first === 'get') return await askCoordinator(lab, 'Get', { id: second });
  const [target_node, , strategy] = rest;
  return await askCoordinator(lab, 'Migrate', {
    pod: { namespace: 'default', name: first },
    target_node,
    ...(strategy !== undefined && { strategy: strategy.replaceAll('-', '_') }),
  });
}

describe('a request that makes no sense', () => {
  it.each([
    ['a pod that is nowhere', ['nope', '--to', 'node-b'], 'PodNotFound', 'NOT_FOUND'],
    ['a name that is none', ['../etc', '--to', 'node-b'], 'InvalidArgument', 'INVALID_ARGUMENT'],
    ['a node that is no name', ['nope', '--to', 'node/b'], 'InvalidArgument', 'INVALID_ARGUMENT'],
    ['an id that is none', ['get', 'a/../b'], 'InvalidArgument', 'INVALID_ARGUMENT'],
    ['a migration that is not there', ['get', 'mig-00000000'], 'MigrationNotFound', 'NOT_FOUND'],
  ])('%s', async (_, words, reason, status) => await expectRefused(words, reason, status));

  it('a node that is unknown, the node where it is, a strategy that is not there yet', async () => {
    await pods.run({ name: 'counter', image: 'counter' });
    await expectRefused(['counter', '--to', 'node-z'], 'NodeNotFound', 'NOT_FOUND');
    await expectRefused(['counter', '--to', 'node-a'], 'SameNode', 'INVALID_ARGUMENT');
    const early = ['counter', '--to', 'node-b', '--strategy', 'pre-copy'];
    await expectRefused(early, 'StrategyUnavailable', 'FAILED_PRECONDITION');
  });
});

describe('a pod that cannot be moved', () => {
  const device = { host_path: '/dev/null', container_path: '/dev/some-device', permissions: 'rw' };
  const unconfined = { seccomp: { profile_type: 'Unconfined' as const } };
  const cases: [string, Partial<PodSpec>, string][] = [
    ['a terminal', { tty: true }, 'TerminalAttached'],
    ['its standard input attached', { stdin: true }, 'TerminalAttached'],
    ["its node's network", { hostNetwork: true }, 'HostNamespace'],
    ["its node's processes in sight", { hostPid: true }, 'HostNamespace'],
    ['all privileges', { privileged: true, securityContext: { privileged: true } }, 'PrivilegedContainer'],
    ['a device of its node', { devices: [device] }, 'DeviceAttached'],
    ['a directory of its node', { mounts: [{ host_path: '/srv', container_path: '/mnt' }] }, 'HostPathVolume'],
    ['an io_uring', { image: 'ring', securityContext: unconfined }, 'KernelFeatureInUse'],
  ];
  it.each(cases)('with %s', async (_, spec, reason) => {
    await pods.run({ name: 'counter', image: 'counter', ...spec });
    await expectRefused(['counter', '--to', 'node-b'], reason, 'FAILED_PRECONDITION');
  });

  it('that is on its way already', async () => {
    await pods.run({ name: 'counter', image: 'counter' });
    const attempt = Attempt.start(lab, 'counter', { source: 'node-a', target: 'node-b' }, '--linger', '1s');
    await attempt.source('Prepared');
    const request = { pod: { namespace: 'default', name: 'counter' }, target_node: 'node-b' };
    expect(await askCoordinator(lab, 'Migrate', request)).toMatchObject({
      status: 'ALREADY_EXISTS',
      reason: 'MigrationInProgress',
    });
    expect((await attempt.ended).code).toBe(0);
  });
});

describe('a target that cannot take it', () => {
  it('without the image', async () => {
    await pods.run({ name: 'counter', image: 'counter' });
    const image = 'podferry.dev/counter:lab';
    const tag = async (...words: string[]) => await lab.run('node-b', ['ctr', '-n', 'k8s.io', 'images', ...words]);
    await tag('tag', image, 'podferry.dev/kept:lab');
    await tag('rm', image);
    try {
      await expect
        .poll(async () => (await ask(['counter', '--to', 'node-b', '--dry-run'])).stderr)
        .toContain('ImageMissing');
      await expectRefused(['counter', '--to', 'node-b'], 'ImageMissing', 'FAILED_PRECONDITION');
    } finally {
      await tag('tag', 'podferry.dev/kept:lab', image);
      await tag('rm', 'podferry.dev/kept:lab');
    }
  });

  it('whose agent does not answer', async () => {
    await pods.run({ name: 'counter', image: 'counter' });
    await stopAgent(lab, 'node-b');
    try {
      const { code, stderr } = await ask(['counter', '--to', 'node-b']);
      expect(stderr).toContain('NodeNotReady');
      expect(code).toBe(2);
      const asked = await overGrpc(['counter', '--to', 'node-b']);
      expect(asked).toMatchObject({ status: 'UNAVAILABLE', reason: 'NodeNotReady' });
    } finally {
      await startAgent(lab, 'node-b');
    }
  });
});

describe('a target that lacks something', () => {
  const away: string[] = [];

  afterEach(async () => {
    await stopAgent(lab, 'node-b');
    for (const program of away.splice(0)) await lab.run('node-b', ['mv', `${program}.away`, program]);
    await startAgent(lab, 'node-b');
  });

  /** Takes a program away from node-b, or puts a script in its place. */
  async function without(program: string, script?: string): Promise<void> {
    await pods.run({ name: 'counter', image: 'counter' });
    await stopAgent(lab, 'node-b');
    for (const path of (await lab.run('node-b', ['which', '-a', program])).trim().split('\n')) {
      // The same one by another name: /sbin is a link.
      if ((await lab.exec('node-b', ['mv', path, `${path}.away`])).code === 0) away.push(path);
    }
    if (script !== undefined) {
      const place = ['sh', '-c', 'cat >"$0" && chmod 755 "$0"', away[0] ?? ''];
      await lab.run('node-b', place, { stdin: `#!/bin/sh\n${script}\n` });
    }
    await startAgent(lab, 'node-b');
  }

  it.each([
    ['no CRIU', 'criu', undefined, 'CriuMissing', 'criu is not installed'],
    // No old one runs on this kernel: one that only says so.
    ['an old CRIU', 'criu', 'echo Version: 3.17', 'CriuMissing', 'CRIU 3.17 is too old'],
    ['a CRIU of tomorrow', 'criu', 'echo Version: 5.0', 'CriuMissing', 'CRIU 5.0 is too new'],
    ['a CRIU that does not work', 'criu', 'echo no library >&2; exit 127', 'CriuMissing', 'no library'],
    ['no nft', 'nft', undefined, 'ToolMissing', 'nft is not installed'],
  ])('%s', async (_, program, script, reason, message) => {
    await without(program, script);
    // Until the coordinator has looked again.
    await expect
      .poll(async () => (await ask(['counter', '--to', 'node-b', '--dry-run'])).stderr, { timeout: 10_000 })
      .toContain(message);
    await expectRefused(['counter', '--to', 'node-b'], reason, 'FAILED_PRECONDITION');
  });

  it('no space for staging', async () => {
    await pods.run({ name: 'counter', image: 'counter' });
    const pod = { namespace: 'default', name: 'counter' };
    const asked = await askAgent(lab, 'node-a', 'PreflightSource', { pod, transport: 'stream' });
    const [{ manifest }] = asked.replies as [{ manifest: object }];
    // As if the counter had grown to a terabyte.
    const grown = { manifest: { ...manifest, memory_bytes: String(2 ** 40) }, transport: 'stream' };
    const { replies } = await askAgent(lab, 'node-b', 'PreflightTarget', grown);
    expect(replies).toMatchObject([{ findings: [{ reason: 'StagingSpaceMissing' }] }]);
  });
});
