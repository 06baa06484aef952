import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemon } from '../daemon.ts';
import { goProgram } from '../go-program.ts';
import type { Lab } from '../lab.ts';
import { controlAddress } from '../layout.ts';
import { withoutProxy } from './kubectl.ts';

/** The cluster's name server: CoreDNS, in `control`, whose address kubelets give to pods. */

export const clusterDomain = 'cluster.local';
const version = '1.14.7';
const source = join(import.meta.dirname, 'dns/main.go');

export async function dnsProgram(cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const main = { source: readFileSync(source, 'utf8') };
  return await goProgram({ name: 'coredns', module: 'github.com/coredns/coredns', version, main }, cache, say, signal);
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
