/**
 * Pods over CRI v1.
 */
import type { PodSandbox__Output } from '../../proto/gen/runtime/v1/PodSandbox.ts';
import type { PodSandboxStatusResponse__Output } from '../../proto/gen/runtime/v1/PodSandboxStatusResponse.ts';
import { load } from '../../proto/load.ts';
import type { Channel } from './channel.ts';
import { checkId, incomprehensible, moment, present } from './cri-answer.ts';
import type { Pod, PodRuntime, PodStatus } from './runtime.ts';
import { type PodInfo, parseLossless, podConfig } from './verbose-info.ts';

/** Milliseconds. */
const deadlines = {
  // CNI plugins may wait for an address; kubelet gives the call 4 min
  run: 120_000,
  // both kill what runs, wait for its end and ask CNI
  stop: 60_000,
  remove: 60_000,
} as const;

const states = { SANDBOX_READY: 'ready', SANDBOX_NOTREADY: 'not-ready' } as const;

export function criPods(channel: Channel): PodRuntime {
  const methods = load('cri/api.proto').runtime.v1.RuntimeService.service;
  return {
    async listPods(signal) {
      const { items } = await channel.send(methods.ListPodSandbox, {}, { subject: '', repeatable: true, signal });
      return items.map(pod);
    },

    async podStatus(podId, signal) {
      const request = { pod_sandbox_id: checkId('PodSandboxStatus', podId), verbose: true };
      const call = { subject: podId, repeatable: true, signal };
      return podStatus(podId, await channel.send(methods.PodSandboxStatus, request, call));
    },

    async runPod(config, handler, signal) {
      const subject = `${config.metadata?.namespace}/${config.metadata?.name}`;
      const call = { subject, deadline: deadlines.run, repeatable: false, signal };
      const answer = await channel.send(methods.RunPodSandbox, { config, runtime_handler: handler }, call);
      return answer.pod_sandbox_id;
    },

    async stopPod(podId, signal) {
      const request = { pod_sandbox_id: checkId('StopPodSandbox', podId) };
      const call = { subject: podId, deadline: deadlines.stop, repeatable: true, signal };
      await channel.send(methods.StopPodSandbox, request, call);
    },

    async removePod(podId, signal) {
      const request = { pod_sandbox_id: checkId('RemovePodSandbox', podId) };
      const call = { subject: podId, deadline: deadlines.remove, repeatable: true, signal };
      await channel.send(methods.RemovePodSandbox, request, call);
    },
  };
}

function pod(item: Omit<PodSandbox__Output, 'labels' | 'annotations'> & Pick<Pod, 'labels' | 'annotations'>): Pod {
  const { id, state, labels, annotations } = item;
  const { name, namespace, uid, attempt } = present(item.metadata, 'ListPodSandbox', id);
  const createdAt = present(moment(item.created_at), 'ListPodSandbox', id);
  const runtimeHandler = item.runtime_handler;
  return { id, name, namespace, uid, attempt, state: states[state], createdAt, labels, annotations, runtimeHandler };
}

function podStatus(podId: string, { status, info }: PodSandboxStatusResponse__Output): PodStatus {
  const known = present(status, 'PodSandboxStatus', podId);
  try {
    const { pid, config, runtimeSpec, netNamespaceClosed } = parseLossless(info['info'] ?? '') as PodInfo;
    const netns = runtimeSpec?.linux?.namespaces?.find(({ type }) => type === 'network');
    return {
      ...pod(known),
      ip: known.network?.ip || undefined,
      additionalIps: known.network?.additional_ips.map(({ ip }) => ip) ?? [],
      netnsPath: netNamespaceClosed ? undefined : netns?.path,
      pid: pid || undefined,
      config: podConfig(config),
    };
  } catch (error) {
    throw incomprehensible('PodSandboxStatus', podId, (error as Error).message, error);
  }
}
