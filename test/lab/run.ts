import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerConfig } from '../../proto/gen/runtime/v1/ContainerConfig.ts';
import type { PodSandboxConfig } from '../../proto/gen/runtime/v1/PodSandboxConfig.ts';
import type { LinuxContainerResources } from '../../proto/gen/runtime/v1/LinuxContainerResources.ts';
import type { LinuxContainerSecurityContext } from '../../proto/gen/runtime/v1/LinuxContainerSecurityContext.ts';
import type { Device } from '../../proto/gen/runtime/v1/Device.ts';
import type { Mount } from '../../proto/gen/runtime/v1/Mount.ts';
import { connectCri, type Cri } from './cri.ts';
import type { Lab } from './lab.ts';
import type { NodeName } from './layout.ts';

export interface ContainerSpec {
  name: string;
  /** `redis` stands for `podferry.dev/redis:lab`. */
  image: string;
  annotations?: Record<string, string>;
  env?: Record<string, string>;
  command?: readonly string[];
  args?: readonly string[];
  mounts?: readonly Mount[];
  devices?: readonly Device[];
  securityContext?: LinuxContainerSecurityContext;
  resources?: LinuxContainerResources;
  tty?: boolean;
  stdin?: boolean;
}

/** A pod as kubelet would ask CRI for it: of one container that has the pod's name, and of those beside it. */
export interface PodSpec extends ContainerSpec {
  namespace?: string;
  uid?: string;
  handler?: string;
  labels?: Record<string, string>;
  beside?: readonly ContainerSpec[];
  hostNetwork?: boolean;
  hostPid?: boolean;
  /** The sandbox; a container has it in its securityContext. */
  privileged?: boolean;
  /** False: the containers are created and no more. */
  start?: boolean;
}

/** What kubelet hides from a container, and what it makes read-only (procMount: Default). */
const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export interface RunningContainer {
  containerId: string;
  /** The container's first process, as the node counts. */
  pid: number;
  /** As the node sees it. */
  log: string;
}

/** What there is of a pod, with its first container's facts at hand. */
export interface RunningPod extends RunningContainer {
  podId: string;
  ip: string;
  /** Of IPv6; empty where pods have none. */
  ip6: string;
  /** By name. */
  containers: Record<string, RunningContainer>;
}

const wholePod = ({ hostNetwork, hostPid }: PodSpec) =>
  ({
    network: hostNetwork === true ? 'NODE' : 'POD',
    pid: hostPid === true ? 'NODE' : 'CONTAINER',
    ipc: 'POD',
  }) as const;

/** Makes a sandbox and its containers in a node and starts them. */
export async function runPod(lab: Lab, node: NodeName, spec: PodSpec, signal?: AbortSignal): Promise<RunningPod> {
  const cri = connectCri(lab.node(node).containerd);
  try {
    const pod = podConfig(spec);
    // kubelet makes the directories; CRI expects them.
    for (const { name } of [spec, ...(spec.beside ?? [])]) {
      await mkdir(join(lab.node(node).root, pod.log_directory, name), { recursive: true });
    }
    const { pod_sandbox_id: podId } = await cri.runPodSandbox(
      { config: pod, runtime_handler: spec.handler ?? '' },
      signal,
    );
    for (const each of [spec, ...(spec.beside ?? [])]) {
      const { container_id: containerId } = await cri.createContainer(
        { pod_sandbox_id: podId, config: containerConfig(each, spec), sandbox_config: pod },
        signal,
      );
      if (spec.start !== false) await cri.startContainer({ container_id: containerId }, signal);
    }
    return await describePod(cri, podId, signal);
  } finally {
    cri.close();
  }
}

/** Looks at a pod that is there, whoever made it. */
export async function lookAtPod(lab: Lab, node: NodeName, podId: string, signal?: AbortSignal): Promise<RunningPod> {
  const cri = connectCri(lab.node(node).containerd);
  try {
    return await describePod(cri, podId, signal);
  } finally {
    cri.close();
  }
}

async function describePod(cri: Cri, podId: string, signal?: AbortSignal): Promise<RunningPod> {
  const pod = await cri.podSandboxStatus({ pod_sandbox_id: podId }, signal);
  const listed = await cri.listContainers({ filter: { pod_sandbox_id: podId } }, signal);
  const containers: Record<string, RunningContainer> = {};
  // The newest of a name counts: it may have been made again.
  const oldestFirst = listed.containers.sort((a, b) => Number(a.created_at) - Number(b.created_at));
  for (const { id: containerId, metadata } of oldestFirst) {
    const { status, info } = await cri.containerStatus({ container_id: containerId, verbose: true }, signal);
    const { pid = 0 } = JSON.parse(info.info ?? '{}') as { pid?: number };
    containers[metadata?.name ?? ''] = { containerId, pid, log: status?.log_path ?? '' };
  }
  const first = containers[pod.status?.metadata?.name ?? ''] ?? Object.values(containers)[0];
  if (first === undefined) throw new Error(`pod ${podId} has no container`);
  const { ip = '', additional_ips: more = [] } = pod.status?.network ?? {};
  return { podId, ip, ip6: more[0]?.ip ?? '', ...first, containers };
}

/** Stops and removes a pod with its containers. */
export async function removePod(lab: Lab, node: NodeName, podId: string, signal?: AbortSignal): Promise<void> {
  const cri = connectCri(lab.node(node).containerd);
  try {
    await cri.stopPodSandbox({ pod_sandbox_id: podId }, signal);
    await cri.removePodSandbox({ pod_sandbox_id: podId }, signal);
  } finally {
    cri.close();
  }
}

function podConfig(spec: PodSpec) {
  const { name, namespace = 'default', uid = randomUUID(), labels = {}, annotations = {} } = spec;
  return {
    metadata: { name, namespace, uid, attempt: 0 },
    hostname: spec.hostNetwork === true ? '' : name,
    log_directory: `/var/log/pods/${namespace}_${name}_${uid}`,
    labels: {
      ...labels,
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': namespace,
      'io.kubernetes.pod.uid': uid,
    },
    annotations,
    linux: {
      cgroup_parent: `/kubepods/besteffort/pod${uid}`,
      security_context: {
        namespace_options: wholePod(spec),
        seccomp: { profile_type: 'RuntimeDefault' },
        privileged: spec.privileged ?? false,
      },
    },
  } as const satisfies PodSandboxConfig;
}

function containerConfig(spec: ContainerSpec, pod: PodSpec): ContainerConfig {
  const image = spec.image.includes('/') ? spec.image : `podferry.dev/${spec.image}:lab`;
  return {
    metadata: { name: spec.name, attempt: 0 },
    image: { image, user_specified_image: image },
    command: [...(spec.command ?? [])],
    args: [...(spec.args ?? [])],
    envs: Object.entries(spec.env ?? {}).map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: [...(spec.mounts ?? [])],
    devices: [...(spec.devices ?? [])],
    labels: { 'io.kubernetes.container.name': spec.name },
    annotations: spec.annotations ?? {},
    log_path: `${spec.name}/0.log`,
    tty: spec.tty ?? false,
    stdin: spec.stdin ?? false,
    linux: {
      resources: { cpu_shares: '2', oom_score_adj: '1000', ...spec.resources },
      security_context: {
        seccomp: { profile_type: 'RuntimeDefault' },
        masked_paths: [...maskedPaths],
        readonly_paths: [...readonlyPaths],
        ...spec.securityContext,
        namespace_options: wholePod(pod),
      },
    },
  };
}
