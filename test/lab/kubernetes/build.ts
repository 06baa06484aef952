import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { locked } from '../lock.ts';
import { contentKey } from '../root.ts';
import { findGo, type Go } from './go.ts';

/**
 * The programs of Kubernetes, compiled from their Go modules: no registry of images and no download site is needed, any
 * patch release that there is can be had, and all are static, so that `control` runs them on the host's own files.
 */
export const defaultVersion = '1.37.2';
const recipe = 1;

const kubernetes = 'k8s.io/kubernetes';
const programs = ['kubelet', 'kube-proxy', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'];
// In the version that this Kubernetes is tested with: its go.mod names it.
const etcd = 'go.etcd.io/etcd/server/v3';

/** The cached directory of a version's programs; compiles them if it is not there yet, which takes five minutes. */
export async function kubernetesPrograms(
  cache: string,
  version: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  if (!/^1\.\d+\.\d+$/.test(version)) {
    throw new Error(`${JSON.stringify(version)} is no version of Kubernetes: expected one like ${defaultVersion}`);
  }
  const directory = join(cache, `kubernetes-${version}-${contentKey(recipe, programs, etcd)}`);
  const make = async () => {
    if (!existsSync(directory)) await build(directory, cache, version, say, signal);
    return directory;
  };
  return existsSync(directory) ? directory : await locked(join(cache, '.lock-kubernetes'), make, signal);
}

async function build(
  directory: string,
  cache: string,
  version: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const go = await findGo(cache, say, signal);
  say(`compiling Kubernetes ${version} (once, about five minutes; kept in ${cache})`);
  const work = `${directory}.building`;
  await rm(work, { recursive: true, force: true });
  const out = join(work, 'out');
  await mkdir(out, { recursive: true });
  await writeModule(work, go, version, signal);
  const argv = ['build', '-trimpath', '-ldflags', flags(version), '-o', `${out}/`];
  const packages = [...programs.map((name) => `${kubernetes}/cmd/${name}`), etcd];
  await call(go, [...argv, ...packages], work, signal);
  await rename(join(out, 'server'), join(out, 'etcd'));
  await rename(out, directory);
  await rm(work, { recursive: true });
}

/**
 * A module that requires Kubernetes. Its go.mod replaces the modules of its staging directory by paths, which only count
 * in its own repository; each is published under the same number beginning with 0.
 */
async function writeModule(work: string, go: Go, version: string, signal?: AbortSignal): Promise<void> {
  const asked = await call(go, ['mod', 'download', '-json', `${kubernetes}@v${version}`], work, signal);
  const { GoMod: file } = JSON.parse(asked) as { GoMod: string };
  const text = await readFile(file, 'utf8');
  const staging = [...text.matchAll(/^\s*(?:replace )?(\S+) => \.\/staging\//gm)].map(([, module]) => module);
  const language = /^go .*$/m.exec(text)?.[0] ?? 'go 1.26';
  const lines = [
    'module podferry.dev/lab-kubernetes',
    language,
    `require ${kubernetes} v${version}`,
    ...staging.map((module) => `replace ${module} => ${module} v${version.replace('1', '0')}`),
  ];
  await writeFile(join(work, 'go.mod'), `${lines.join('\n')}\n`);
}

function flags(version: string): string {
  const [major, minor] = version.split('.');
  const facts = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor };
  const set = Object.entries(facts).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ['-s', '-w', ...set].join(' ');
}

async function call(go: Go, argv: readonly string[], cwd: string, signal?: AbortSignal): Promise<string> {
  const env = { ...process.env, ...go.env, GOFLAGS: '-mod=mod', GOWORK: 'off', CGO_ENABLED: '0' };
  return await run([go.program, ...argv], { env, cwd }, signal);
}
