/** Podferry on a lab's cluster as a user gets it there: the image on the nodes, the chart by Helm. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Output } from './command.ts';
import { hasSysResource } from './furnish.ts';
import { helmProgram } from './helm.ts';
import { runKubectl, withoutProxy } from './kubernetes/kubectl.ts';
import type { ExecOptions, Lab } from './lab.ts';
import { nfsInNode, repository, repositoryInNode } from './layout.ts';
import { podferryImageName } from './podferry.ts';
import { criuLimits } from './root.ts';

export const chart = join(repository, 'charts/podferry');
export const chartNamespace = 'podferry-system';

/** A file of the node in place of the image's. */
const ofNode = (name: string, path: string) => ({
  volume: { name, hostPath: { path, type: 'File' } },
  mount: { name, mountPath: path, readOnly: true },
});

/** What a lab needs beside the chart's own values. */
export function labValues(): object {
  const [repositoryOfImage, tag] = podferryImageName.split(':');
  const files = hasSysResource() ? [] : [ofNode('criu-limits', criuLimits), ofNode('criu', '/usr/local/sbin/criu')];
  return {
    image: { repository: repositoryOfImage, tag, pullPolicy: 'Never' },
    agent: { extraVolumes: files.map(({ volume }) => volume), extraVolumeMounts: files.map(({ mount }) => mount) },
    // The same directory on all nodes, as an export that each has mounted.
    nfs: { hostPath: nfsInNode },
    // A node of a lab has no systemd.
    installer: { restartCommand: `sh ${repositoryInNode}/test/lab/restart-containerd.sh` },
  };
}

/** Runs Helm as an administrator of the cluster, to its end, whatever its exit code. */
export async function helm(lab: Lab, argv: readonly string[], options: ExecOptions = {}): Promise<Output> {
  const program = await helmProgram(lab.state.cache, (line) => console.error(`helm: ${line}`), options.signal);
  const home = join(lab.layout.kubernetes, 'helm');
  const env = {
    ...withoutProxy,
    ...Object.fromEntries(['CACHE', 'CONFIG', 'DATA'].map((kind) => [`HELM_${kind}_HOME`, join(home, kind)])),
    ...options.env,
  };
  const flags = ['--kubeconfig', lab.layout.kubeconfig('admin'), '--namespace', chartNamespace];
  return await lab.exec('control', [program, ...flags, ...argv], { ...options, env });
}

/** A Helm that has to succeed; answers its stdout. */
export async function runHelm(lab: Lab, argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await helm(lab, argv, options);
  if (code !== 0) throw new Error(`helm ${argv.join(' ')}: exit ${code}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

/** Where Helm finds the lab's values. */
export async function valuesFile(lab: Lab): Promise<string> {
  const file = join(lab.layout.kubernetes, 'values.json');
  await writeFile(file, JSON.stringify(labValues(), null, 2));
  return file;
}

/** Installs or upgrades the release `podferry`, and waits until every node takes part. Flags are Helm's. */
export async function installChart(lab: Lab, flags: readonly string[] = [], options: ExecOptions = {}): Promise<void> {
  const argv = ['upgrade', '--install', 'podferry', chart, '--create-namespace', '--values', await valuesFile(lab)];
  await runHelm(lab, [...argv, ...flags], options);
  await untilRolledOut(lab, options);
}

export async function untilRolledOut(lab: Lab, options: ExecOptions = {}): Promise<void> {
  for (const part of ['deployment/podferry-coordinator', 'daemonset/podferry-agent']) {
    await runKubectl(lab, ['rollout', 'status', part, '-n', chartNamespace, '--timeout=180s'], options);
  }
}
