/** Which cluster is meant, as kubectl would mean it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { namespaceOf, readKubeconfig, tokenOf } from '../../../coordinator/cli/way/kubeconfig.ts';

const directory = mkdtempSync(join(tmpdir(), 'podferry-kubeconfig-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

function write(name: string, user: object, namespace?: string): string {
  const file = join(directory, name);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: `https://${name}:6443` } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, ...(namespace !== undefined && { namespace }) } }],
    'current-context': name,
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const one = write('one', { token: 'first' }, 'web');
const two = write('two', { token: 'second' });
writeFileSync(join(directory, 'token'), 'from-a-file\n');
const credential = JSON.stringify({
  apiVersion: 'client.authentication.k8s.io/v1',
  kind: 'ExecCredential',
  status: { token: 'from-a-plugin' },
});
const plugin = {
  exec: {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'echo',
    args: [credential],
    interactiveMode: 'Never',
  },
};

it('is the one that KUBECONFIG names first, and has the contexts of all that are there', () => {
  vi.stubEnv('KUBECONFIG', [join(directory, 'missing'), one, two].join(delimiter));
  const config = readKubeconfig({});
  expect([config.getCurrentCluster()?.server, namespaceOf(config)]).toEqual(['https://one:6443', 'web']);
  const other = readKubeconfig({ context: 'two' });
  expect([other.getCurrentCluster()?.server, namespaceOf(other)]).toEqual(['https://two:6443', 'default']);
});

it('is --kubeconfig before that', () => {
  vi.stubEnv('KUBECONFIG', one);
  expect(readKubeconfig({ kubeconfig: two }).currentContext).toBe('two');
});

it.each([
  ['a context that is not there', { kubeconfig: one, context: 'nine' }, /--context: the kubeconfig has no nine/],
  ['a file that is not there', { kubeconfig: join(directory, 'nothing') }, /cannot use kubeconfig .*nothing: ENOENT/],
  ['a file without a context', { kubeconfig: join(directory, 'empty') }, /it has no current context/],
])('%s is said', (_what, flags, message) => {
  writeFileSync(join(directory, 'empty'), '{"apiVersion":"v1","kind":"Config"}');
  expect(() => readKubeconfig(flags)).toThrow(message);
});

it('without any, all places are named', () => {
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', '/nowhere');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
  expect(() => readKubeconfig({})).toThrow(/--kubeconfig FILE, nor KUBECONFIG, nor \/nowhere\/.kube\/config/);
});

it.each([
  ['a token', { token: 'plain' }, 'plain'],
  ['a file with one', { tokenFile: join(directory, 'token') }, 'from-a-file'],
  ['a plugin that gives one', plugin, 'from-a-plugin'],
  ['a certificate', { 'client-certificate-data': 'AA==', 'client-key-data': 'AA==' }, undefined],
])('%s: what the coordinator is shown', async (what, user, token) => {
  const config = readKubeconfig({ kubeconfig: write(what.replaceAll(' ', '-'), user) });
  expect(await tokenOf(config)).toBe(token);
});
