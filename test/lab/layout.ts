import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Every name, address and path of a lab, made in this one place.
 *
 * The addresses are the same in every lab: each lab has a network of its own, of which the host sees no link.
 */

/** Where this checkout lies; nodes see it at `repositoryInNode`. */
export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const repositoryInNode = '/opt/podferry';
export const nodeProgramInNode = `${repositoryInNode}/node_modules/.bin/node`;
export const wrapperInNode = '/usr/local/lib/podferry/podferry-runc';
export const tlsInNode = '/etc/podferry/tls';
export const nfsInNode = '/srv/podferry-nfs';
export const containerdSocket = '/run/containerd/containerd.sock';
/** In a cluster lab: the programs of Kubernetes, and what kubelet and kube-proxy read. */
export const kubernetesInNode = '/opt/kubernetes';
export const kubernetesConfigInNode = '/etc/kubernetes';

/** All labs of this machine are registered here; the last `down` removes it. */
export const registry = '/run/podferry-lab';
const disks = '/var/lib/podferry-lab';
export const cgroupOfAllLabs = 'podferry-lab';

export const ports = {
  agent: 7440,
  agentData: 7441,
  agentMetrics: 7442,
  coordinator: 7443,
  coordinatorMetrics: 7444,
  apiServer: 6443,
  etcd: 2379,
};

export const controlAddress = '10.77.0.2';
export const nodeNames = ['node-a', 'node-b', 'node-c'] as const;
export type NodeName = (typeof nodeNames)[number];
/** A place processes can be started in: a node, or the machine beside the nodes where the coordinator runs. */
export type Place = NodeName | 'control';
/** What has namespaces of its own: the places, and the switch between them. */
export type Holder = Place | 'switch';

export function nodeName(text: string): NodeName {
  const found = nodeNames.find((name) => name === text);
  if (!found) throw new Error(`${JSON.stringify(text)} is no node of a lab: expected one of ${nodeNames.join(', ')}`);
  return found;
}

export function placeName(text: string): Place {
  return text === 'control' ? text : nodeName(text);
}

export function addressOf(place: Place): string {
  return place === 'control' ? controlAddress : `10.77.0.${11 + nodeNames.indexOf(place)}`;
}

export function podRangeOf(node: NodeName): string {
  return `10.88.${1 + nodeNames.indexOf(node)}.0/24`;
}

/** Of IPv6. A lab without Kubernetes gives its pods addresses of both versions. */
export function address6Of(place: Place): string {
  return `fd00:77::${place === 'control' ? '2' : String(11 + nodeNames.indexOf(place))}`;
}

export function podRange6Of(node: NodeName): string {
  return `fd00:88:${1 + nodeNames.indexOf(node)}::/64`;
}

/**
 * Of a flat lab: pods of all nodes are on one link, and so are the nodes and `control`. Whatever addresses a pod has, it can
 * have them on any node, if it asks for them by an annotation.
 */
export const flatRange = '10.88.0.0/16';
export const flatRange6 = 'fd00:88::/64';
export const flatBridge = 'cni0';
/** A JSON list of addresses. */
export const addressAnnotation = 'lab.podferry.dev/addresses';
/** What all nodes know of who has which address. */
export const flatStoreInNode = '/var/lib/cni/flat';

export function flatAddressOf(place: Place): string {
  return `10.88.0.${flatNumberOf(place)}`;
}

export function flatAddress6Of(place: Place): string {
  return `fd00:88::${flatNumberOf(place)}`;
}

/** Of pods. They begin above those of places. */
export const flatPods = { first: 100, last: 250 };

export function flatPodAddresses(number: number): [ipv4: string, ipv6: string] {
  return [`10.88.0.${number}`, `fd00:88::${number}`];
}

function flatNumberOf(place: Place): number {
  return place === 'control' ? 2 : 11 + nodeNames.indexOf(place);
}

export const allPodsRange = '10.88.0.0/16';
export const serviceRange = '10.96.0.0/16';
/** The first of the range: the API server's own. */
export const apiServiceAddress = '10.96.0.1';

/** Who has a kubeconfig: a cluster's administrator, and the coordinator under the user and group that it has there. */
export const kubernetesUsers = ['admin', 'podferry-coordinator'] as const;
export type KubernetesUser = (typeof kubernetesUsers)[number];

export interface Layout {
  name: string;
  /** State, logs and certificates: small, gone with a reboot. */
  state: string;
  /** Whether this file exists tells an `up` that went through from one that did not. */
  stateFile: string;
  logs: string;
  tls: string;
  /** What a node would have on its disk. */
  disk: string;
  nfs: string;
  /** In a flat lab: the addresses of its pods. */
  flat: string;
  /** In a cluster lab: keys, certificates and kubeconfigs of Kubernetes. */
  kubernetes: string;
  /** What etcd keeps. */
  etcd: string;
  /** Below each cgroup hierarchy's mount point. */
  cgroup: string;
  log(what: string): string;
  tlsOf(identity: string): string;
  /** Works from `control` and the nodes: the host has no way to a lab's API server. */
  kubeconfig(user: KubernetesUser): string;
  nodeDisk(node: NodeName): NodeDisk;
}

export interface NodeDisk {
  /** The overlay's own layer: files written here before the mount are in the node from the start. */
  upper: string;
  work: string;
  /** Where the overlay is mounted, in the node's mount namespace only. */
  root: string;
  /** /var/lib/containerd: containerd's overlay snapshots cannot lie on an overlay. */
  containerd: string;
  /** /var/lib/kubelet: volumes of pods lie on a disk, not on an overlay. */
  kubelet: string;
}

export function layoutOf(name: string): Layout {
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw new Error(
      `${JSON.stringify(name)} cannot name a lab: at most 32 of a-z, 0-9 and "-", the first and last no "-"`,
    );
  }
  const state = join(registry, name);
  const disk = join(disks, name);
  return {
    name,
    state,
    stateFile: join(state, 'lab.json'),
    logs: join(state, 'log'),
    tls: join(state, 'tls'),
    disk,
    nfs: join(disk, 'nfs'),
    flat: join(disk, 'flat'),
    kubernetes: join(state, 'kubernetes'),
    etcd: join(disk, 'etcd'),
    cgroup: `${cgroupOfAllLabs}/${name}`,
    log: (what) => join(state, 'log', `${what}.log`),
    tlsOf: (identity) => join(state, 'tls', identity),
    kubeconfig: (user) => join(state, 'kubernetes', `${user}.kubeconfig`),
    nodeDisk: (node) => ({
      upper: join(disk, node, 'upper'),
      work: join(disk, node, 'work'),
      root: join(disk, node, 'root'),
      containerd: join(disk, node, 'containerd'),
      kubelet: join(disk, node, 'kubelet'),
    }),
  };
}

export const diskRegistry = disks;
