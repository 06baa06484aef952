import { startDaemon, stopDaemon } from './daemon.ts';
import type { Lab } from './lab.ts';
import {
  flatAddress6Of,
  flatAddressOf,
  flatBridge,
  flatStoreInNode,
  type NodeName,
  nodeProgramInNode,
  podRange6Of,
  podRangeOf,
  repositoryInNode,
  wrapperInNode,
} from './layout.ts';

export const pauseImage = 'podferry.dev/pause:lab';

const runtime = "plugins.'io.containerd.cri.v1.runtime'";
const images = "plugins.'io.containerd.cri.v1.images'";

/** As on a node that Podferry has not been to, plus what a root without CAP_SYS_RESOURCE needs. */
export const stockContainerdConfig = `version = 3

[${images}.pinned_images]
sandbox = '${pauseImage}'

[${runtime}]
# Lowering oom_score_adj needs CAP_SYS_RESOURCE.
restrict_oom_score_adj = true
disable_apparmor = true

[${runtime}.cni]
bin_dirs = ['/usr/lib/cni']
conf_dir = '/etc/cni/net.d'

[${runtime}.containerd]
default_runtime_name = 'runc'

[${runtime}.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
`;

/** With our handler, as the node installer would make it. */
export const containerdConfig = `${stockContainerdConfig}
[${runtime}.containerd.runtimes.podferry]
runtime_type = 'io.containerd.runc.v2'
pod_annotations = ['podferry.dev/*']
container_annotations = ['podferry.dev/*', 'org.criu.config']

[${runtime}.containerd.runtimes.podferry.options]
BinaryName = '${wrapperInNode}'

# What the freeze benchmark compares with; it brings the program along.
[${runtime}.containerd.runtimes.naive]
runtime_type = 'io.containerd.runc.v2'

[${runtime}.containerd.runtimes.naive.options]
BinaryName = '/usr/local/lib/podferry-bench/naive-runc'
`;

/** @param dualStack whether pods have an address of IPv6 beside that of IPv4 */
export function cniConfig(node: NodeName, dualStack: boolean): string {
  const ranges = [podRangeOf(node), ...(dualStack ? [podRange6Of(node)] : [])].map((subnet) => [{ subnet }]);
  const routes = ['0.0.0.0/0', ...(dualStack ? ['::/0'] : [])].map((dst) => ({ dst }));
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: false,
    hairpinMode: true,
    ipam: { type: 'host-local', ranges, routes },
  };
  return `${JSON.stringify({ cniVersion: '1.0.0', name: 'podferry', plugins: [bridge] }, null, 2)}\n`;
}

/** Of a flat lab: what assigns addresses is told a pod's annotations, by the runtime, by way of the bridge plugin. */
export function flatCniConfig(node: NodeName): string {
  const bridge = {
    type: 'bridge',
    bridge: flatBridge,
    capabilities: { 'io.kubernetes.cri.pod-annotations': true },
    ipam: { type: flatIpam, gateways: [flatAddressOf(node), flatAddress6Of(node)] },
  };
  return `${JSON.stringify({ cniVersion: '1.0.0', name: 'podferry', plugins: [bridge] }, null, 2)}\n`;
}

/** What assigns addresses in a flat lab, as runtimes look for it in /usr/lib/cni. */
export const flatIpam = 'lab-flat';
export const flatIpamProgram = `#!/bin/sh
mkdir -p ${flatStoreInNode}
exec flock ${flatStoreInNode}/lock ${nodeProgramInNode} ${repositoryInNode}/test/lab/flat-ipam.ts
`;

/** Starts a node's containerd; it is up when CRI answers, which containerd itself says in its log. */
export async function startContainerd(lab: Lab, node: NodeName, signal?: AbortSignal): Promise<void> {
  const daemon = { name: `${node}.containerd`, argv: ['containerd'], ready: /containerd successfully booted/ };
  await startDaemon(lab.layout, lab.entrance(node), daemon, signal);
}

/** Stops containerd; containers run on under their shims. */
export async function stopContainerd(
  lab: Lab,
  node: NodeName,
  kill: NodeJS.Signals = 'SIGTERM',
  signal?: AbortSignal,
): Promise<boolean> {
  return await stopDaemon(lab.layout, lab.entrance(node), `${node}.containerd`, kill, signal);
}
