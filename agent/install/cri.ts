/** What the containerd that runs says of itself and of the pods of our handler. */
import { load } from '../../proto/load.ts';
import { Channel } from '../runtime/channel.ts';
import { connect } from '../runtime/containerd.ts';
import type { Pod } from '../runtime/runtime.ts';
import type { Table } from './containerd-config.ts';

export interface Running {
  name: string;
  version: string;
  /** Our handler as it has been loaded, in the configuration's words. */
  handler: Table | undefined;
}

/** containerd's names in its JSON for what its configuration calls otherwise. */
const names: Record<string, string> = {
  runtimeType: 'runtime_type',
  PodAnnotations: 'pod_annotations',
  ContainerAnnotations: 'container_annotations',
  baseRuntimeSpec: 'base_runtime_spec',
  cniConfDir: 'cni_conf_dir',
  cniMaxConfNum: 'cni_max_conf_num',
};

/** @throws RuntimeError when it does not answer, or has no CRI */
export async function askRunning(socket: string): Promise<Running> {
  const channel = new Channel(socket);
  const methods = load('cri/api.proto').runtime.v1.RuntimeService.service;
  const call = { subject: '', repeatable: true, signal: undefined };
  try {
    const { runtime_name: name, runtime_version: version } = await channel.send(methods.Version, {}, call);
    // Which handlers there are, without this, is told by 2.x only.
    const { info } = await channel.send(methods.Status, { verbose: true }, call);
    return { name, version, handler: loaded(info['config'] ?? '{}') };
  } finally {
    channel.close();
  }
}

export function loaded(config: string): Table | undefined {
  const { containerd } = JSON.parse(config) as { containerd?: { runtimes?: Record<string, Table | undefined> } };
  const handler = containerd?.runtimes?.['podferry'];
  if (handler === undefined) return undefined;
  return Object.fromEntries(Object.entries(handler).map(([key, value]) => [names[key] ?? key, value]));
}

/**
 * Of our handler, those that have a shim, which calls the wrapper to end them. What has ended has none: that kubelet
 * has yet to collect it, in its own time, is no reason to wait.
 */
export async function ourPods(socket: string): Promise<Pod[]> {
  const runtime = connect(socket);
  try {
    const ours = (await runtime.listPods()).filter(({ runtimeHandler }) => runtimeHandler === 'podferry');
    const containers = await runtime.listContainers();
    const lives = new Set(containers.filter(({ state }) => state !== 'exited').map(({ podId }) => podId));
    return ours.filter(({ id, state }) => state === 'ready' || lives.has(id));
  } finally {
    runtime.close();
  }
}
