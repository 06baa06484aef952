#!/usr/bin/env node
/** Takes Podferry off a cluster before helm deletes the release, and ends. */
import { readFileSync } from 'node:fs';
import type { V1DaemonSet } from '@kubernetes/client-node';
import { Command, Option } from 'commander';
import { parse } from 'yaml';
import { Fault } from '../../proto/fault.ts';
import { connectKubernetes } from '../cluster/kubernetes/client.ts';
import { parseDuration } from '../duration.ts';
import { checkName } from '../names.ts';
import { Patience } from './patience.ts';
import { Refused, type Settings, uninstall } from './uninstall.ts';

interface Flags extends Omit<Settings, 'manifest'> {
  kubeconfig: string;
  installerManifest?: string;
  timeout: string;
}

const exitCode = { failed: 1, refused: 2 };
const pauseMs = 1_000;

const flag = (flags: string, description: string) =>
  new Option(flags, description).env(`PODFERRY_${/--([a-z-]+)/.exec(flags)?.[1]?.replaceAll('-', '_').toUpperCase()}`);

function readManifest(file: string): V1DaemonSet {
  try {
    const manifest = parse(readFileSync(file, 'utf8')) as V1DaemonSet | null;
    if (manifest?.kind === 'DaemonSet') return manifest;
  } catch (error) {
    throw Fault.from(error, 'InvalidArgument', `--installer-manifest ${file}`);
  }
  throw new Fault(
    'InvalidArgument',
    `--installer-manifest ${file} is no DaemonSet: give the one that cleans the nodes`,
  );
}

async function run({ kubeconfig, installerManifest, timeout, ...flags }: Flags): Promise<void> {
  const stop = new AbortController();
  // The first process of a container ends by no signal that it does not hear.
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => stop.abort(new Fault('Cancelled', `${name} came before it was done: try again`)));
  }
  const settings: Settings = {
    ...flags,
    namespace: checkName('namespace', flags.namespace),
    manifest: installerManifest === undefined ? undefined : readManifest(installerManifest),
  };
  const patience = new Patience({ ms: parseDuration(timeout), pauseMs }, stop.signal);
  await uninstall(connectKubernetes(kubeconfig), settings, patience, (line) => console.log(line));
}

const program = new Command('podferry-uninstall')
  .description('Takes Podferry off a cluster: its pods, what it has put on nodes, and what coordinators have made')
  .addOption(flag('--kubeconfig <file>', 'the cluster; in-cluster: the one of this pod').default('in-cluster'))
  .addOption(flag('--namespace <namespace>', 'where Podferry is').default('podferry-system'))
  .addOption(flag('--installer-manifest <file>', 'the DaemonSet that cleans nodes; without it they stay as they are'))
  .addOption(flag('--keep-resources', 'leave PodMigrations and PodCheckpoints').default(false))
  .addOption(
    flag('--authority <whose>', 'whose the Secret podferry-authority is: given stays')
      .choices(['own', 'given'])
      .default('own'),
  )
  .addOption(flag('--timeout <span>', 'how long all of it may take').default('4m'))
  .action(run);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`podferry-uninstall: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = error instanceof Refused ? exitCode.refused : exitCode.failed;
}
