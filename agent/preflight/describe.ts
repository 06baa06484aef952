/** Everything that a migration needs to know of a pod on its source: one look, no change. */
import { readdirSync } from 'node:fs';
import type { PodRef__Output as PodRef } from '../../proto/gen/podferry/v1/PodRef.ts';
import { Fault } from '../../proto/fault.ts';
import { interfaceOf } from '../connections/interface.ts';
import { run } from '../runtime/command.ts';
import { type Freezer, freezerOf } from '../runtime/freezer.ts';
import { descriptorsOf, type Mount, mountsOf, residentBytes } from '../runtime/process.ts';
import type { ContainerRuntime, ContainerStatus, Pod, PodStatus, RootfsMount } from '../runtime/runtime.ts';

export interface SourcePod {
  status: PodStatus;
  /** Those that run; finished init containers stay behind. */
  containers: SourceContainer[];
  /** Bytes resident in all of them. */
  memoryBytes: number;
  /** What the pod has of System V and POSIX inter-process communication, in words. */
  ipcObjects: string[];
  /** Of the link that has its address; empty: not known. */
  mac: string;
}

export interface SourceContainer {
  name: string;
  status: ContainerStatus;
  pid: number;
  freezer: Freezer;
  rootfs: RootfsMount;
  mounts: Mount[];
  descriptors: string[];
}

/**
 * The one ready pod that a reference means. Faults PodNotFound, PodNotRunning, PodAmbiguous.
 * @param hasLeft whether what is left of a pod in a sandbox runs elsewhere by now
 */
export async function findPod(
  runtime: ContainerRuntime,
  ref: PodRef,
  node: string,
  hasLeft: (sandboxId: string) => boolean,
): Promise<Pod> {
  const named = (await runtime.listPods()).filter(
    (pod) =>
      !hasLeft(pod.id) &&
      pod.name === ref.name &&
      pod.namespace === ref.namespace &&
      (ref.uid === '' || pod.uid === ref.uid),
  );
  const name = `${ref.namespace}/${ref.name}`;
  const ready = named.filter((pod) => pod.state === 'ready');
  const [pod, another] = ready;
  if (another !== undefined) {
    throw new Fault('PodAmbiguous', `${node} has ${ready.length} ready pods ${name}: name one by its UID`);
  }
  if (pod !== undefined) return pod;
  if (named.length > 0)
    throw new Fault('PodNotRunning', `pod ${name} on ${node} is not ready: only a running pod can move`);
  throw new Fault('PodNotFound', `${node} has no pod ${name}${ref.uid === '' ? '' : ` with UID ${ref.uid}`}`);
}

export async function describePod(runtime: ContainerRuntime, pod: Pod): Promise<SourcePod> {
  const [status, all] = await Promise.all([runtime.podStatus(pod.id), runtime.listContainers(pod.id)]);
  // As they were started: kubelet keeps to that order at the target.
  const running = all
    .filter((container) => container.state === 'running')
    .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
  if (running.length === 0) {
    throw new Fault(
      'PodNotRunning',
      `pod ${pod.namespace}/${pod.name} has no running container: there is nothing to move`,
    );
  }
  const containers = await Promise.all(running.map(async ({ id }) => await describeContainer(runtime, id)));
  const memoryBytes = containers
    .flatMap(({ freezer }) => freezer.pids())
    .reduce((sum, pid) => sum + residentOr0(pid), 0);
  const [ipcObjects, mac] = await Promise.all([ipcObjectsOf(containers), macOf(status)]);
  return { status, containers, memoryBytes, ipcObjects, mac };
}

/** Who needs it asks again, see checkLink(). */
async function macOf({ netnsPath, ip }: PodStatus): Promise<string> {
  if (netnsPath === undefined || ip === undefined) return '';
  return await interfaceOf(netnsPath, ip).then(
    ({ mac }) => mac,
    () => '',
  );
}

async function describeContainer(runtime: ContainerRuntime, id: string): Promise<SourceContainer> {
  const [status, rootfs] = await Promise.all([runtime.containerStatus(id), runtime.rootfsMount(id)]);
  const name = status.config.metadata?.name ?? '';
  if (status.pid === undefined) {
    throw new Fault('PodNotRunning', `container ${name} has just ended: look at its log, and migrate when it runs`);
  }
  return {
    name,
    status,
    pid: status.pid,
    freezer: freezerOf(status.pid),
    rootfs,
    mounts: mountsOf(status.pid),
    descriptors: descriptorsOf(status.pid),
  };
}

const ipcTables = {
  '/proc/sysvipc/sem': 'System V semaphores',
  '/proc/sysvipc/msg': 'System V message queues',
  '/proc/sysvipc/shm': 'System V shared memory',
};

/** Of the namespace that all of a pod's containers share. */
async function ipcObjectsOf(containers: readonly SourceContainer[]): Promise<string[]> {
  const pid = containers[0]?.pid ?? 0;
  // Told only to who is inside.
  const counted = await run(['nsenter', `--ipc=/proc/${pid}/ns/ipc`, '--', 'wc', '-l', ...Object.keys(ipcTables)], {
    reason: 'Internal',
    what: `counting IPC objects of process ${pid}`,
  });
  const lines = counted.split('\n').map((line) => line.trim().split(' '));
  const objects = Object.entries(ipcTables).map(([file, what]): [number, string] => {
    const [count] = lines.find(([, name]) => name === file) ?? [];
    // The first line is the table's head.
    return [Number(count ?? 1) - 1, what];
  });
  const queues = new Set(containers.flatMap((container) => entriesOrNone(`/proc/${container.pid}/root/dev/mqueue`)));
  objects.push([queues.size, 'POSIX message queues']);
  return objects.filter(([count]) => count > 0).map(([count, what]) => `${what} (${count})`);
}

function entriesOrNone(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** A process may end between the list and the look. */
function residentOr0(pid: number): number {
  try {
    return residentBytes(pid);
  } catch {
    return 0;
  }
}

/** Links of all open descriptors of a process, '' for one that was closed meanwhile. */
export function descriptorNumbers(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

/**
 * Mount points that the dump leaves out because the target provides them: tmpfs mounts that would cost CRIU a tar
 * process each. What an application wrote into /dev we carry ourselves.
 */
export function externalMounts(mounts: readonly Mount[]): Mount[] {
  return mounts.filter((mount) => isProvided(mount));
}

/**
 * Controllers of cgroup version 1. runc would have them bound from its own cgroup at a restore, not from the
 * container's, so they are ours too.
 */
export function cgroupMounts(mounts: readonly Mount[]): Mount[] {
  return mounts.filter(({ type }) => type === 'cgroup');
}

function isProvided(mount: Mount): boolean {
  const whole = mount.type === 'tmpfs' && mount.root === '/';
  return whole && (mount.mountPoint === '/dev' || mount.mountPoint === '/sys/fs/cgroup' || isMasked(mount.mountPoint));
}

/** The runtime hides directories of these file systems behind an empty read-only tmpfs. */
export function isMasked(mountPoint: string): boolean {
  return /^\/(proc|sys)\//.test(mountPoint) && mountPoint !== '/sys/fs/cgroup';
}

/** The runtime hides files behind the container's own /dev/null. */
export function isMaskedFile({ type, root, mountPoint }: Mount): boolean {
  return type === 'tmpfs' && root === '/null' && isMasked(mountPoint);
}
