/**
 * Containers over CRI v1.
 */
import type { Container__Output } from '../../proto/gen/runtime/v1/Container.ts';
import type { ContainerStatusResponse__Output } from '../../proto/gen/runtime/v1/ContainerStatusResponse.ts';
import type { LinuxContainerResources__Output } from '../../proto/gen/runtime/v1/LinuxContainerResources.ts';
import { load } from '../../proto/load.ts';
import type { Channel } from './channel.ts';
import { checkId, incomprehensible, moment, present } from './cri-answer.ts';
import type { Container, ContainerConfig, ContainerOperations, ContainerStatus } from './runtime.ts';
import { type ContainerInfo, containerConfig, parseLossless } from './verbose-info.ts';

/** Milliseconds. */
const deadlines = {
  // makes a snapshot, and may be the first to need the image's layers
  create: 60_000,
  // on top of the grace that the caller gives
  stop: 30_000,
  remove: 30_000,
} as const;

const states = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
} as const;

export function criContainers(channel: Channel): ContainerOperations {
  const methods = load('cri/api.proto').runtime.v1.RuntimeService.service;
  return {
    async listContainers(podId, signal) {
      const filter = podId === undefined ? null : { pod_sandbox_id: checkId('ListContainers', podId) };
      const call = { subject: podId ?? '', repeatable: true, signal };
      const { containers } = await channel.send(methods.ListContainers, { filter }, call);
      return containers.map(container);
    },

    async containerStatus(containerId, signal) {
      const request = { container_id: checkId('ContainerStatus', containerId), verbose: true };
      const call = { subject: containerId, repeatable: true, signal };
      return containerStatus(containerId, await channel.send(methods.ContainerStatus, request, call));
    },

    async createContainer(podId, config, pod, signal) {
      const request = { pod_sandbox_id: checkId('CreateContainer', podId), config, sandbox_config: pod };
      const subject = `${pod.metadata?.namespace}/${pod.metadata?.name}/${config.metadata?.name}`;
      const call = { subject, deadline: deadlines.create, repeatable: false, signal };
      const answer = await channel.send(methods.CreateContainer, request, call);
      return answer.container_id;
    },

    async startContainer(containerId, deadline, signal) {
      const request = { container_id: checkId('StartContainer', containerId) };
      const call = { subject: containerId, deadline, repeatable: false, signal };
      await channel.send(methods.StartContainer, request, call);
    },

    async stopContainer(containerId, grace, signal) {
      const request = { container_id: checkId('StopContainer', containerId), timeout: grace };
      const deadline = grace * 1000 + deadlines.stop;
      await channel.send(methods.StopContainer, request, { subject: containerId, deadline, repeatable: true, signal });
    },

    async removeContainer(containerId, signal) {
      const request = { container_id: checkId('RemoveContainer', containerId) };
      const call = { subject: containerId, deadline: deadlines.remove, repeatable: true, signal };
      await channel.send(methods.RemoveContainer, request, call);
    },
  };
}

function container(item: Container__Output): Container {
  const { id, pod_sandbox_id: podId, state, labels, annotations } = item;
  const { name, attempt } = present(item.metadata, 'ListContainers', id);
  const createdAt = present(moment(item.created_at), 'ListContainers', id);
  const image = item.image?.image ?? '';
  return { id, podId, name, attempt, state: states[state], createdAt, image, labels, annotations };
}

function containerStatus(id: string, { status, info }: ContainerStatusResponse__Output): ContainerStatus {
  const known = present(status, 'ContainerStatus', id);
  const { name, attempt } = present(known.metadata, 'ContainerStatus', id);
  try {
    const verbose = parseLossless(info['info'] ?? '') as ContainerInfo;
    return {
      id,
      podId: verbose.sandboxID,
      name,
      attempt,
      state: states[known.state],
      createdAt: present(moment(known.created_at), 'ContainerStatus', id),
      startedAt: moment(known.started_at),
      finishedAt: moment(known.finished_at),
      exitCode: known.exit_code,
      reason: known.reason,
      message: known.message,
      image: known.image?.image ?? '',
      labels: known.labels,
      annotations: known.annotations,
      pid: verbose.pid || undefined,
      config: withLimits(containerConfig(verbose.config), known.resources?.linux),
      spec: verbose.runtimeSpec,
      snapshotter: verbose.snapshotter,
      snapshotKey: verbose.snapshotKey,
      logPath: known.log_path,
    };
  } catch (error) {
    throw incomprehensible('ContainerStatus', id, (error as Error).message, error);
  }
}

/** Containerd keeps the config as it came, whatever UpdateContainerResources (a resize in place) did since. */
function withLimits(config: ContainerConfig, inForce?: LinuxContainerResources__Output | null): ContainerConfig {
  const asked = config.linux?.resources;
  if (!config.linux || !asked || !inForce) return config;
  // huge pages cannot be resized, and containerd leaves out what it could not set
  const resources = { ...inForce, hugepage_limits: asked.hugepage_limits };
  return { ...config, linux: { ...config.linux, resources } };
}
