import { mkdir, rm } from 'node:fs/promises';
import { makeCertificates } from './certificates.ts';
import { startContainerd } from './containerd.ts';
import { down } from './down.ts';
import { furnish } from './furnish.ts';
import { holdNetwork, holdNode } from './hold.ts';
import { defaultVersion, kubernetesPrograms } from './kubernetes/build.ts';
import { dnsProgram } from './kubernetes/dns.ts';
import { furnishKubernetes, startNodes } from './kubernetes/cluster.ts';
import { startControlPlane } from './kubernetes/control-plane.ts';
import { makeUsers } from './kubernetes/users.ts';
import { defaultName, Lab, type LabKubernetes, type LabState, writeState } from './lab.ts';
import { layoutOf, nodeNames, type NodeName, type Place } from './layout.ts';
import { importArchive } from './image.ts';
import { installPrograms } from './machine.ts';
import { connect } from './network.ts';
import { changingRegistry, register } from './registry.ts';
import { nodeRoot } from './root.ts';
import { startServices } from './services.ts';
import { shippedImages } from './shipped.ts';

export interface UpOptions {
  name?: string;
  nodes?: number;
  /** Where the root and the images are kept between labs. */
  cache?: string;
  /** Start agents and coordinator, as far as the repository has them. */
  agents?: boolean;
  /** A whole Kubernetes: `true`, or its version. Its kubelets kill whatever is made through CRI. */
  kubernetes?: boolean | string;
  /** Nodes and a cluster that Podferry has never been to; nothing of it is started either. */
  stock?: boolean;
  /** Pods of all nodes on one link, whose addresses can go along with them. Without Kubernetes only. */
  flat?: boolean;
  /** Leave what there is of a lab that did not come up, to look at. */
  keep?: boolean;
  say?: (line: string) => void;
  signal?: AbortSignal;
}

export function defaultCache(): string {
  return process.env.PODFERRY_CACHE ?? '/var/cache/podferry';
}

/** Brings a lab up; if that fails, what there is of it is taken down again. */
export async function up(options: UpOptions = {}): Promise<Lab> {
  const {
    name = defaultName(),
    nodes = 2,
    cache = defaultCache(),
    agents = true,
    kubernetes = false,
    stock = false,
    flat = false,
    keep = false,
    say = () => {},
    signal,
  } = options;
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > nodeNames.length) {
    throw new Error(`a lab has 1 to ${nodeNames.length} nodes, not ${nodes}`);
  }
  if (flat && kubernetes !== false) throw new Error('a lab with Kubernetes is not flat');
  const layout = layoutOf(name);
  await installPrograms(say, signal);
  await mkdir(cache, { recursive: true });
  const root = await nodeRoot(cache, say, signal);
  const images = await shippedImages(cache, root, say, signal);
  const cluster = await kubernetesOf(cache, kubernetes, say, signal);
  await changingRegistry(() => register(layout), signal);
  try {
    const parts = { root, ...(cluster && { kubernetes: cluster }) };
    const state = await hold({ name, cache, nodes: nodeNames.slice(0, nodes), stock, flat }, parts, signal);
    const lab = new Lab(state);
    await Promise.all([
      ...lab.nodeNames.map(async (node) => {
        await startContainerd(lab, node, signal);
        await importArchive(lab, node, images, signal);
      }),
      cluster && startControlPlane(lab, cluster, signal),
    ]);
    if (cluster) await startNodes(lab, cluster, stock, signal);
    await writeState(state);
    if (agents && !stock) await startServices(lab, signal);
    return lab;
  } catch (error) {
    if (!keep) await clearAway(name, say);
    throw error;
  }
}

async function kubernetesOf(
  cache: string,
  wanted: boolean | string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<LabKubernetes | undefined> {
  if (wanted === false) return undefined;
  const version = wanted === true ? defaultVersion : wanted;
  const programs = await kubernetesPrograms(cache, version, say, signal);
  return { version, programs, dns: await dnsProgram(cache, say, signal) };
}

/** Namespaces, files and cables of all places, in parallel. */
async function hold(
  {
    name,
    cache,
    nodes,
    stock,
    flat,
  }: Required<Pick<UpOptions, 'name' | 'cache' | 'stock' | 'flat'>> & {
    nodes: readonly NodeName[];
  },
  { root, kubernetes }: { root: string; kubernetes?: LabKubernetes },
  signal?: AbortSignal,
): Promise<LabState> {
  const layout = layoutOf(name);
  // A machine that was reset with a lab up has its disks, but no registration.
  await rm(layout.disk, { recursive: true, force: true });
  const certificates = Promise.all([
    makeCertificates(layout.tls, nodes, signal),
    kubernetes && makeUsers(layout, nodes, signal),
  ]);
  const parts = { root, ...(kubernetes && { kubernetes: kubernetes.programs }) };
  const node = async (name: NodeName): Promise<[NodeName, number]> => {
    await certificates;
    await furnish(layout, name, nodes, { stock, dualStack: kubernetes === undefined, flat });
    if (kubernetes) await furnishKubernetes(layout, name);
    return [name, await holdNode(layout, name, parts, signal)];
  };
  const [switchPid, control, ...pids] = await Promise.all([
    holdNetwork(layout, 'switch', signal),
    holdNetwork(layout, 'control', signal),
    ...nodes.map(node),
  ]);
  const places = new Map<Place, number>([['control', control], ...pids]);
  await connect({ switch: switchPid, places, flat }, signal);
  const started = { name, cache, switch: switchPid, control, nodes: Object.fromEntries(pids) };
  return { ...started, ...(kubernetes && { kubernetes }), ...(stock && { stock }), ...(flat && { flat }) };
}

async function clearAway(name: string, say: (line: string) => void): Promise<void> {
  try {
    await down(name);
  } catch (error) {
    // The first error is the one to tell; this one only says why there may be something left.
    say(`what there was of lab ${name} could not be taken down: ${String(error)}`);
  }
}
