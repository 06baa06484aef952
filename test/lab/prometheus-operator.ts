import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { findGo } from './kubernetes/go.ts';
import { locked } from './lock.ts';
import { contentKey } from './root.ts';

const module = 'github.com/prometheus-operator/prometheus-operator';
const version = '0.85.0';
const recipe = 1;
const kinds = ['podmonitors', 'prometheusrules'] as const;

/** Files of the real CustomResourceDefinitions of what our chart makes; four megabytes are fetched for them, once. */
export async function monitoringResources(
  cache: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string[]> {
  const directory = join(cache, `prometheus-operator-${version}-${contentKey(recipe, module, kinds)}`);
  const make = async () => {
    if (!existsSync(directory)) await fetchThem(directory, cache, say, signal);
  };
  if (!existsSync(directory)) await locked(join(cache, '.lock-prometheus-operator'), make, signal);
  return kinds.map((kind) => join(directory, fileOf(kind)));
}

const fileOf = (kind: string) => `monitoring.coreos.com_${kind}.yaml`;

async function fetchThem(
  directory: string,
  cache: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const go = await findGo(cache, say, signal);
  say(`fetching the resources of Prometheus's operator ${version} (once; kept in ${cache})`);
  const building = `${directory}.building`;
  await rm(building, { recursive: true, force: true });
  await mkdir(building, { recursive: true });
  const env = { ...process.env, ...go.env, GOWORK: 'off' };
  const said = await run(
    [go.program, 'mod', 'download', '-json', `${module}@v${version}`],
    { env, cwd: building },
    signal,
  );
  const { Dir: source } = JSON.parse(said) as { Dir: string };
  for (const kind of kinds) {
    await copyFile(join(source, 'example/prometheus-operator-crd', fileOf(kind)), join(building, fileOf(kind)));
  }
  await rename(building, directory);
}
