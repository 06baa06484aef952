import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { startDaemon } from '../daemon.ts';
import type { Lab } from '../lab.ts';
import { controlAddress } from '../layout.ts';
import { locked } from '../lock.ts';
import { contentKey } from '../root.ts';
import { findGo } from './go.ts';
import { withoutProxy } from './kubectl.ts';

/** The cluster's name server: CoreDNS, in `control`, whose address kubelets give to pods. */

export const clusterDomain = 'cluster.local';
const version = '1.14.7';
const source = join(import.meta.dirname, 'dns/main.go');

/** The cached program; compiled if it is not there yet, which takes a minute. */
export async function dnsProgram(cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const program = join(cache, `coredns-${version}-${contentKey(readFileSync(source, 'utf8'))}`);
  const make = async () => {
    if (!existsSync(program)) await build(program, cache, say, signal);
    return program;
  };
  return existsSync(program) ? program : await locked(join(cache, '.lock-coredns'), make, signal);
}

async function build(program: string, cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<void> {
  const go = await findGo(cache, say, signal);
  say(`compiling CoreDNS ${version} (once, about a minute; kept in ${cache})`);
  const work = `${program}.building`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await cp(source, join(work, 'main.go'));
  const lines = ['module podferry.dev/lab-dns', 'go 1.26', `require github.com/coredns/coredns v${version}`];
  await writeFile(join(work, 'go.mod'), `${lines.join('\n')}\n`);
  const env = { ...process.env, ...go.env, GOFLAGS: '-mod=mod', GOWORK: 'off', CGO_ENABLED: '0' };
  const argv = [go.program, 'build', '-trimpath', '-ldflags', '-s -w', '-o', join(work, 'dns'), '.'];
  await run(argv, { env, cwd: work }, signal);
  await rename(join(work, 'dns'), program);
  await rm(work, { recursive: true });
}

export async function startDns(lab: Lab, program: string, signal?: AbortSignal): Promise<void> {
  const { layout } = lab;
  const file = join(layout.kubernetes, 'Corefile');
  const lines = [
    '. {',
    `  bind ${controlAddress}`,
    '  errors',
    `  kubernetes ${clusterDomain} {`,
    `    kubeconfig ${layout.kubeconfig('admin')}`,
    '  }',
    '}',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const argv = [program, '-conf', file];
  await startDaemon(
    layout,
    lab.entrance('control'),
    { name: 'dns', argv, env: withoutProxy, ready: /CoreDNS-/ },
    signal,
  );
}
