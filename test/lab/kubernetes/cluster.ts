import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Lab, LabKubernetes } from '../lab.ts';
import { kubernetesConfigInNode, type Layout, type NodeName, repository } from '../layout.ts';
import { startDns } from './dns.ts';
import { apply, runKubectl } from './kubectl.ts';
import { kubeletFiles, startKubelet } from './kubelet.ts';
import { proxyFiles, startProxy } from './proxy.ts';
import { tlsOf } from './users.ts';

/** A lab's Kubernetes as a whole. */

const customResources = join(repository, 'charts/podferry/files/crds');
/** What it grants the coordinator's group and people, and what it keeps from others: all that a cluster needs beside our programs. */
const objects = join(repository, 'charts/podferry/files');

/** Writes what a node's kubelet and kube-proxy read into its overlay, before the node exists. */
export async function furnishKubernetes(layout: Layout, node: NodeName): Promise<void> {
  const { upper } = layout.nodeDisk(node);
  const files = { ...(await kubeletFiles(layout, node)), ...(await proxyFiles(layout, node)) };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(upper, dirname(path)), { recursive: true });
    await writeFile(join(upper, path), text, { mode: 0o600 });
  }
  const tls = join(upper, kubernetesConfigInNode, 'tls');
  await cp(tlsOf(layout, node), tls, { recursive: true });
  await chmod(tls, 0o700);
}

/** Starts kubelets and kube-proxies, and waits until pods can be made: the control plane runs already. */
export async function startNodes(
  lab: Lab,
  { dns }: LabKubernetes,
  stock: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const nodes = lab.nodeNames.flatMap((node) => [startKubelet(lab, node, signal), startProxy(lab, node, signal)]);
  await Promise.all([...nodes, startDns(lab, dns, signal), !stock && applyObjects(lab, signal)]);
  const options = signal ? { signal } : {};
  const names = lab.nodeNames.map((node) => `node/${node}`);
  const there = ['wait', '--for=create', '--timeout=60s'];
  await runKubectl(lab, [...there, ...names], options);
  await runKubectl(lab, ['wait', '--for=condition=Ready', '--timeout=60s', ...names], options);
  // Without it no pod is admitted; a controller makes it when it gets to it.
  await runKubectl(lab, [...there, 'serviceaccount/default'], options);
}

async function applyObjects(lab: Lab, signal?: AbortSignal): Promise<void> {
  const options = signal ? { signal } : {};
  await apply(lab, [runtimeClass, ownNamespace], options);
  for (const path of [customResources, objects]) {
    if (existsSync(path)) await runKubectl(lab, ['apply', '--filename', path], options);
  }
}

/** Where Podferry's own objects are. */
const ownNamespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'podferry-system' } };

const runtimeClass = {
  apiVersion: 'node.k8s.io/v1',
  kind: 'RuntimeClass',
  metadata: { name: 'podferry' },
  handler: 'podferry',
};
