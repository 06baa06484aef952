import { startDaemon, stopDaemon } from '../daemon.ts';
import type { Lab } from '../lab.ts';
import {
  addressOf,
  containerdSocket,
  controlAddress,
  kubernetesConfigInNode,
  kubernetesInNode,
  type Layout,
  type NodeName,
} from '../layout.ts';
import { asArguments } from './arguments.ts';
import { clusterDomain } from './dns.ts';
import { kubeconfig } from './users.ts';

/** Stock, but for what a node in namespaces on a machine with other work, and a root without CAP_SYS_RESOURCE, need. */
const config = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  containerRuntimeEndpoint: `unix://${containerdSocket}`,
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: `${kubernetesConfigInNode}/tls/ca.crt` },
  },
  authorization: { mode: 'Webhook' },
  tlsCertFile: `${kubernetesConfigInNode}/tls/tls.crt`,
  tlsPrivateKeyFile: `${kubernetesConfigInNode}/tls/tls.key`,
  cgroupDriver: 'cgroupfs',
  // The node's cgroup is one of the machine's: its limits are not a kubelet's to divide.
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  failCgroupV1: false,
  failSwapOn: false,
  // Lowering it needs CAP_SYS_RESOURCE.
  oomScoreAdj: 0,
  // The disk is the machine's: how full others have made it must not cost the lab its images and pods.
  evictionHard: { 'memory.available': '50Mi' },
  imageGCHighThresholdPercent: 100,
  localStorageCapacityIsolation: false,
  resolvConf: '/etc/resolv.conf',
  clusterDNS: [controlAddress],
  clusterDomain,
};

/** What kubelet finds in its node, by path. */
export async function kubeletFiles(layout: Layout, node: NodeName): Promise<Record<string, string>> {
  return {
    [`${kubernetesConfigInNode}/kubelet.json`]: JSON.stringify(config, null, 2),
    [`${kubernetesConfigInNode}/kubelet.kubeconfig`]: await kubeconfig(layout, node),
  };
}

export async function startKubelet(lab: Lab, node: NodeName, signal?: AbortSignal): Promise<void> {
  const flags = {
    config: `${kubernetesConfigInNode}/kubelet.json`,
    kubeconfig: `${kubernetesConfigInNode}/kubelet.kubeconfig`,
    'hostname-override': node,
    'node-ip': addressOf(node),
  };
  const argv = [`${kubernetesInNode}/kubelet`, ...asArguments(flags)];
  const daemon = { name: `${node}.kubelet`, argv, ready: /Started kubelet/ };
  await startDaemon(lab.layout, lab.entrance(node), daemon, signal);
}

/** Stops a node's kubelet; its pods run on. */
export async function stopKubelet(
  lab: Lab,
  node: NodeName,
  kill: NodeJS.Signals = 'SIGTERM',
  signal?: AbortSignal,
): Promise<boolean> {
  return await stopDaemon(lab.layout, lab.entrance(node), `${node}.kubelet`, kill, signal);
}
