import { asArguments } from './arguments.ts';
import { startDaemon } from '../daemon.ts';
import type { Lab } from '../lab.ts';
import { allPodsRange, kubernetesConfigInNode, kubernetesInNode, type Layout, type NodeName } from '../layout.ts';
import { kubeconfig } from './users.ts';

const config = (node: NodeName) => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'nftables',
  clientConnection: { kubeconfig: `${kubernetesConfigInNode}/kube-proxy.kubeconfig` },
  clusterCIDR: allPodsRange,
  hostnameOverride: node,
  // The size of the table is the whole machine's, and not to be set from a node's network namespace.
  conntrack: { maxPerCore: 0 },
});

/** What kube-proxy finds in its node, by path. */
export async function proxyFiles(layout: Layout, node: NodeName): Promise<Record<string, string>> {
  return {
    [`${kubernetesConfigInNode}/kube-proxy.json`]: JSON.stringify(config(node), null, 2),
    [`${kubernetesConfigInNode}/kube-proxy.kubeconfig`]: await kubeconfig(layout, 'proxy'),
  };
}

export async function startProxy(lab: Lab, node: NodeName, signal?: AbortSignal): Promise<void> {
  const argv = [
    `${kubernetesInNode}/kube-proxy`,
    ...asArguments({ config: `${kubernetesConfigInNode}/kube-proxy.json` }),
  ];
  const daemon = { name: `${node}.kube-proxy`, argv, ready: /Caches are synced.*service config/ };
  await startDaemon(lab.layout, lab.entrance(node), daemon, signal);
}
