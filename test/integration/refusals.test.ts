/** What cannot be moved is refused before anything is touched, with a reason that scripts can act on. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  clientFlags,
  clientIdentity,
  foreignIdentity,
  open,
  type PodSpec,
  startAgent,
  stopAgent,
} from '../lab/index.ts';
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

/** Exit code 2, the reason, and both nodes as they were. */
async function expectRefused(words: readonly string[], reason: string): Promise<void> {
  const before = await inventoryOf(lab);
  const { code, stderr } = await ask(words);
  expect(stderr).toContain(reason);
  expect(code).toBe(2);
  expect(await changesSince(lab, before)).toEqual({});
}

describe('a request that makes no sense', () => {
  it.each([
    ['a pod that is nowhere', ['nope', '--to', 'node-b'], 'PodNotFound'],
    ['a name that is none', ['../etc', '--to', 'node-b'], 'InvalidArgument'],
    ['a node that is no name', ['nope', '--to', 'node/b'], 'InvalidArgument'],
    ['an id that is none', ['get', 'a/../b'], 'InvalidArgument'],
    ['a migration that is not there', ['get', 'mig-00000000'], 'MigrationNotFound'],
  ])('%s', async (_, words, reason) => await expectRefused(words, reason));

  it('a node that is unknown, the node where it is, a strategy that is not there yet', async () => {
    await pods.run({ name: 'counter', image: 'counter' });
    await expectRefused(['counter', '--to', 'node-z'], 'NodeNotFound');
    await expectRefused(['counter', '--to', 'node-a'], 'SameNode');
    await expectRefused(['counter', '--to', 'node-b', '--strategy', 'pre-copy'], 'StrategyUnavailable');
  });
});

describe('a pod that cannot be moved', () => {
  const cases: [string, Omit<PodSpec, 'name' | 'image'>, string][] = [
    ['a terminal', { tty: true }, 'TerminalAttached'],
    ['its standard input attached', { stdin: true }, 'TerminalAttached'],
    ["its node's network", { hostNetwork: true }, 'HostNamespace'],
    ['a directory of its node', { mounts: [{ host_path: '/srv', container_path: '/mnt' }] }, 'HostPathVolume'],
  ];
  it.each(cases)('with %s', async (_, spec, reason) => {
    await pods.run({ name: 'counter', image: 'counter', ...spec });
    await expectRefused(['counter', '--to', 'node-b'], reason);
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
      await expectRefused(['counter', '--to', 'node-b'], 'ImageMissing');
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
    } finally {
      await startAgent(lab, 'node-b');
    }
  });
});

describe('somebody who may not', () => {
  it('a client of another authority is not let in by the coordinator', async () => {
    await pods.run({ name: 'counter', image: 'counter' });
    const { code } = await ask(['counter', '--to', 'node-b', '--reconnect', '0s'], foreignIdentity);
    expect(code).toBe(4);
  });

  it('nobody reaches an agent without a certificate', () => {
    const argv = [
      '--net',
      '-t',
      String(lab.control.pid),
      '--',
      'openssl',
      's_client',
      '-connect',
      '10.77.0.11:7441',
      '-tls1_3',
    ];
    const said = (() => {
      try {
        return execFileSync('nsenter', argv, {
          input: 'hello\n',
          stdio: ['pipe', 'pipe', 'pipe'],
          timeout: 5_000,
        }).toString();
      } catch (error) {
        return String((error as { stderr?: Buffer }).stderr);
      }
    })();
    expect(said).toMatch(/certificate required|alert/);
  });
});
