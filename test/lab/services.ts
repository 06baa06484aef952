import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { coordinatorIdentity } from './certificates.ts';
import { type Daemon, startDaemon, stopDaemon } from './daemon.ts';
import type { Lab } from './lab.ts';
import {
  addressAnnotation,
  addressOf,
  containerdSocket,
  nfsInNode,
  type NodeName,
  nodeProgramInNode,
  ports,
  repository,
  repositoryInNode,
  tlsInNode,
} from './layout.ts';

/** Podferry's own parts, as they would run on a cluster: an agent in each node, the coordinator on a third machine. */

export interface ServiceOptions {
  /** After the lab's own flags; the last of two equal ones counts. */
  args?: readonly string[];
  /** The coordinator's own flags that are not to be given: what excludes them is among the others. */
  without?: readonly string[];
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

// Both say so in their log when they accept calls.
const ready = /listening/;

export async function startAgent(lab: Lab, node: NodeName, options: ServiceOptions = {}): Promise<void> {
  const address = addressOf(node);
  const flags = {
    node,
    listen: `${address}:${ports.agent}`,
    'data-listen': `${address}:${ports.agentData}`,
    'metrics-listen': `${address}:${ports.agentMetrics}`,
    'tls-dir': tlsInNode,
    containerd: containerdSocket,
    'state-dir': '/run/podferry',
    'nfs-dir': nfsInNode,
  };
  const argv = [nodeProgramInNode, `${repositoryInNode}/agent/main.ts`, ...asArguments(flags), ...(options.args ?? [])];
  await start(lab, node, { name: `${node}.agent`, argv, ready }, options);
}

export async function stopAgent(
  lab: Lab,
  node: NodeName,
  kill: NodeJS.Signals = 'SIGTERM',
  signal?: AbortSignal,
): Promise<boolean> {
  return await stopDaemon(lab.layout, lab.entrance(node), `${node}.agent`, kill, signal);
}

export async function startCoordinator(lab: Lab, options: ServiceOptions = {}): Promise<void> {
  const address = addressOf('control');
  const flags = {
    listen: `${address}:${ports.coordinator}`,
    'metrics-listen': `${address}:${ports.coordinatorMetrics}`,
    'tls-dir': lab.layout.tlsOf(coordinatorIdentity),
    agents: lab.nodeNames.map((node) => `${node}=${addressOf(node)}:${ports.agent}`).join(','),
    ...(lab.state.flat && { 'address-annotation': addressAnnotation }),
    ...(lab.kubernetes && { kubeconfig: lab.layout.kubeconfig('podferry-coordinator') }),
  };
  const kept = Object.fromEntries(Object.entries(flags).filter(([name]) => !options.without?.includes(name)));
  const argv = [process.execPath, join(repository, 'coordinator/main.ts'), ...asArguments(kept)];
  await start(lab, 'control', { name: 'coordinator', argv: [...argv, ...(options.args ?? [])], ready }, options);
}

export async function stopCoordinator(
  lab: Lab,
  kill: NodeJS.Signals = 'SIGTERM',
  signal?: AbortSignal,
): Promise<boolean> {
  return await stopDaemon(lab.layout, lab.entrance('control'), 'coordinator', kill, signal);
}

/** Starts what of them the repository has. */
export async function startServices(lab: Lab, signal?: AbortSignal): Promise<void> {
  const options = signal ? { signal } : {};
  if (existsSync(join(repository, 'agent/main.ts'))) {
    await Promise.all(lab.nodeNames.map((node) => startAgent(lab, node, options)));
  }
  if (existsSync(join(repository, 'coordinator/main.ts'))) await startCoordinator(lab, options);
}

/** What a client in `control` needs to reach the coordinator; of a stock cluster a kubeconfig is enough. */
export function clientFlags(lab: Lab, identity: string): string[] {
  if (lab.state.stock) return asArguments({ kubeconfig: lab.layout.kubeconfig('admin') });
  const coordinator = `${addressOf('control')}:${ports.coordinator}`;
  return asArguments({ coordinator, 'tls-dir': lab.layout.tlsOf(identity) });
}

async function start(lab: Lab, place: NodeName | 'control', daemon: Daemon, options: ServiceOptions): Promise<void> {
  const { env, signal } = options;
  await startDaemon(lab.layout, lab.entrance(place), { ...daemon, ...(env && { env }) }, signal);
}

function asArguments(flags: Record<string, string>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
}
