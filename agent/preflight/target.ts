/** Whether a pod of a given manifest can arrive on this node. Reads only; every reason against it, at once. */
import { existsSync } from 'node:fs';
import type { Finding } from '../../proto/gen/podferry/v1/Finding.ts';
import type { PodManifest__Output } from '../../proto/gen/podferry/v1/PodManifest.ts';
import { ofNode } from '../runtime/node.ts';
import type { ContainerConfig, ContainerRuntime } from '../runtime/runtime.ts';
import { handler } from '../target/create-pod.ts';
import { stagingBytes } from '../target/prepare.ts';
import type { NodeSituation } from './situation.ts';

/** What to do about either. */
const byInstaller = "run the node installer (the chart's installer.enabled, or agent/install/main.ts install)";

export async function preflightTarget(
  manifest: PodManifest__Output,
  runtime: ContainerRuntime,
  situation: NodeSituation,
  pulls: boolean,
): Promise<Finding[]> {
  const { node } = situation;
  const findings: Finding[] = [];
  for (const { name, config_json } of manifest.containers) {
    const reference = (JSON.parse(config_json) as ContainerConfig).image?.image ?? '';
    if (!pulls && (await runtime.image(reference)) === undefined) {
      findings.push({
        reason: 'ImageMissing',
        message: `${node} does not have the image ${reference} of container ${name}: pull it there first`,
      });
    }
  }
  const missing = manifest.cpu_flags.filter((flag) => !situation.cpuFlags.includes(flag));
  if (missing.length > 0) {
    findings.push({
      reason: 'CpuIncompatible',
      message: `the processor of ${node} lacks what the pod may be using: ${missing.join(' ')}`,
    });
  }
  if (manifest.cgroup_version !== situation.cgroupVersion) {
    findings.push({
      reason: 'RuntimeUnsupported',
      message: `${node} has cgroup version ${situation.cgroupVersion}, the source has ${manifest.cgroup_version}: both must be the same`,
    });
  }
  const needed = stagingBytes(Number(manifest.memory_bytes));
  if (needed > situation.stagingBytesFree) {
    findings.push({
      reason: 'StagingSpaceMissing',
      message: `${node} has ${mebibytes(situation.stagingBytesFree)} of memory to spare for staging, the pod needs ${mebibytes(needed)}`,
    });
  }
  if (!(await runtime.handlers()).includes(handler)) {
    findings.push({
      reason: 'RuntimeUnsupported',
      message: `containerd on ${node} has no runtime handler ${handler}: ${byInstaller}`,
    });
  }
  if (!existsSync(ofNode(situation.wrapper))) {
    findings.push({
      reason: 'RuntimeUnsupported',
      message: `${node} has no wrapper at ${situation.wrapper}: ${byInstaller}`,
    });
  }
  return findings;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / (1 << 20))} MiB`;
}
