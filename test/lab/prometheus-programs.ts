import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { locked } from './lock.ts';
import { installPrograms, rootPrograms } from './machine.ts';
import { contentKey, debian } from './root.ts';

/** Prometheus, and what checks its rules and queries. */
export interface PrometheusPrograms {
  prometheus: string;
  promtool: string;
}

const recipe = 1;
const names = ['prometheus', 'promtool'] as const;

/**
 * Debian's, taken out of their package into the cache: nothing of it is set up, so no service of this machine starts,
 * and every machine has the same version.
 */
export async function prometheusPrograms(
  cache: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<PrometheusPrograms> {
  const directory = join(cache, `prometheus-${contentKey(recipe, debian)}`);
  const make = async () => {
    if (!existsSync(directory)) await unpack(directory, say, signal);
  };
  if (!existsSync(directory)) await locked(join(cache, '.lock-prometheus'), make, signal);
  return { prometheus: join(directory, 'prometheus'), promtool: join(directory, 'promtool') };
}

async function unpack(directory: string, say: (line: string) => void, signal?: AbortSignal): Promise<void> {
  await installPrograms(say, signal, rootPrograms);
  say(`unpacking Prometheus from Debian ${debian.suite} (once; kept in ${directory})`);
  const [root, building] = [`${directory}.root`, `${directory}.building`];
  for (const each of [root, building]) await rm(each, { recursive: true, force: true });
  try {
    const argv = ['mmdebstrap', '--quiet', '--variant=extract', ...debian.options, '--include=prometheus'];
    await run([...argv, debian.suite, root], {}, signal);
    await mkdir(building, { recursive: true });
    for (const name of names) await copyFile(join(root, 'usr/bin', name), join(building, name));
    await rename(building, directory);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
