/**
 * The container runtime of a node, in the words of a migration. Today containerd.ts is behind it; CRI's coming
 * CheckpointPod and RestorePod calls (KEP-5823) can be one day.
 *
 * Every method throws a RuntimeError when the runtime refuses or does not answer in time (10 s unless told), and the
 * signal's own reason when `signal` aborts. Ids are complete: a prefix is refused, since CRI would take it for the
 * first pod that it fits.
 */
import type { ContainerConfig__Output } from '../../proto/gen/runtime/v1/ContainerConfig.ts';
import type { PodSandboxConfig__Output } from '../../proto/gen/runtime/v1/PodSandboxConfig.ts';
import type { OciSpec } from './oci-spec.ts';

/** What a pod was asked to be. As JSON and back it stays the same: 64-bit numbers are strings. */
export type PodConfig = PodSandboxConfig__Output;

/** What a container was asked to be. As JSON and back it stays the same: 64-bit numbers and bytes are strings. */
export type ContainerConfig = Omit<ContainerConfig__Output, 'envs'> & {
  /** `value` in base64: an environment need not be UTF-8. */
  envs: { key: string; value: string }[];
};

export interface RuntimeVersion {
  /** For example 'containerd'. */
  name: string;
  /** For example '2.1.9'; distributions append to it. */
  version: string;
}

export type PodState = 'ready' | 'not-ready';

export interface Pod {
  /** The sandbox's. */
  id: string;
  name: string;
  namespace: string;
  uid: string;
  /** Counts the sandboxes that kubelet made for the same pod object, from 0. */
  attempt: number;
  state: PodState;
  createdAt: Date;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  /** Empty for the runtime's default. */
  runtimeHandler: string;
}

export interface PodStatus extends Pod {
  /** Absent with the host's network, and when the sandbox is down. */
  ip: string | undefined;
  additionalIps: readonly string[];
  /** A mount of the pod's network namespace; absent with the host's network, and when the sandbox is down. */
  netnsPath: string | undefined;
  /** Of the sandbox's own process (pause), in the runtime's PID namespace; absent when it is down. */
  pid: number | undefined;
  config: PodConfig;
}

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

export interface Container {
  id: string;
  podId: string;
  name: string;
  /** Counts the restarts within the pod, from 0. */
  attempt: number;
  state: ContainerState;
  createdAt: Date;
  /** As the config names it: a reference or an image id. */
  image: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
}

export interface ContainerStatus extends Omit<Container, 'image'> {
  image: string;
  /** A frozen container is 'running' here: only task() tells. */
  state: ContainerState;
  startedAt: Date | undefined;
  finishedAt: Date | undefined;
  /** Of a container that has exited; 0 before. */
  exitCode: number;
  /** For example 'OOMKilled'; empty while it runs. */
  reason: string;
  message: string;
  /** Of the first process, in the runtime's PID namespace; absent unless it runs. */
  pid: number | undefined;
  /** As asked for, but with the limits that are in force: they can be changed while it runs. */
  config: ContainerConfig;
  spec: OciSpec;
  snapshotter: string;
  snapshotKey: string;
  /** Absolute path of the log on the node; empty without one. */
  logPath: string;
}

export interface Image {
  /** Digest of the image's config. */
  id: string;
  tags: readonly string[];
  digests: readonly string[];
  bytes: number;
}

/** Directories on the node. */
export interface RootfsMount {
  /** Where the container's own changes are. */
  upperDir: string;
  workDir: string;
  /** The image's layers, topmost first. */
  lowerDirs: readonly string[];
}

export type TaskState = 'created' | 'running' | 'stopped' | 'paused' | 'pausing' | 'unknown';

/** What runs (or ran) in a container, as the runtime below CRI sees it. */
export interface Task {
  containerId: string;
  pid: number;
  state: TaskState;
  exitStatus: number;
  exitedAt: Date | undefined;
}

export interface PodRuntime {
  listPods(signal?: AbortSignal): Promise<Pod[]>;
  podStatus(podId: string, signal?: AbortSignal): Promise<PodStatus>;

  /**
   * Makes a pod's sandbox, network included.
   * @param handler name of a runtime handler; empty for the default
   * @param signal an abort makes the runtime take back what it has begun; it may need a moment for that
   * @returns the pod's id
   */
  runPod(config: PodConfig, handler: string, signal?: AbortSignal): Promise<string>;

  /** Kills what runs in it and takes its network away. No error when it is stopped or gone already. */
  stopPod(podId: string, signal?: AbortSignal): Promise<void>;
  /** Removes it with its containers; kills them if need be. No error when it is gone already. */
  removePod(podId: string, signal?: AbortSignal): Promise<void>;
}

export interface ContainerOperations {
  /** @param podId all pods' when undefined */
  listContainers(podId?: string, signal?: AbortSignal): Promise<Container[]>;
  containerStatus(containerId: string, signal?: AbortSignal): Promise<ContainerStatus>;

  /**
   * @param config its log_path's directory, below the pod's log_directory, has to be there
   * @returns the container's id; nothing of it runs yet
   */
  createContainer(podId: string, config: ContainerConfig, pod: PodConfig, signal?: AbortSignal): Promise<string>;

  /**
   * Returns when the container runs, which takes as long as the handler's runtime (runc, or our wrapper) makes it wait.
   *
   * When the deadline is over the container has failed for good (exited, 128, StartError) and that runtime process is
   * killed. After an abort the same happens, but only 5 s later (containerd 2.1). Children of the process are left
   * alone both times, so whoever waits there should be told to give up first.
   * @param deadline milliseconds
   */
  startContainer(containerId: string, deadline: number, signal?: AbortSignal): Promise<void>;

  /** @param grace seconds from SIGTERM to SIGKILL, 0 for SIGKILL at once. No error when it has stopped or is gone. */
  stopContainer(containerId: string, grace: number, signal?: AbortSignal): Promise<void>;
  /** Kills it if need be. No error when it is gone already. */
  removeContainer(containerId: string, signal?: AbortSignal): Promise<void>;
}

export interface ImageStore {
  /** @param reference tag, digest or id; undefined when the node does not have it */
  image(reference: string, signal?: AbortSignal): Promise<Image | undefined>;
  listImages(signal?: AbortSignal): Promise<Image[]>;
}

/** Below CRI. Works for sandboxes too: a pod's id is the id of its pause container. */
export interface TaskOperations {
  /** undefined when nothing was started in it, or its end was cleaned up. */
  task(containerId: string, signal?: AbortSignal): Promise<Task | undefined>;
  listTasks(signal?: AbortSignal): Promise<Task[]>;
  /** Process ids in the runtime's PID namespace. */
  processes(containerId: string, signal?: AbortSignal): Promise<number[]>;
  /** Freezes its cgroup; an error when it is frozen. */
  pauseTask(containerId: string, signal?: AbortSignal): Promise<void>;
  /** Thaws it; an error when it is not frozen. */
  resumeTask(containerId: string, signal?: AbortSignal): Promise<void>;
  /**
   * @param number the kernel's number of the signal, 1 to 64
   * @param all every process of the container instead of the first
   */
  killTask(containerId: string, number: number, all: boolean, signal?: AbortSignal): Promise<void>;
  /** Cleans up a task that has stopped; CRI does it for its own. No error when there is none. */
  deleteTask(containerId: string, signal?: AbortSignal): Promise<void>;
}

export interface ContainerStorage {
  /** RuntimeError FAILED_PRECONDITION when the container's snapshotter does not use overlayfs. */
  rootfsMount(containerId: string, signal?: AbortSignal): Promise<RootfsMount>;
}

export interface RuntimeFacts {
  version(signal?: AbortSignal): Promise<RuntimeVersion>;
  /** The names of the configured runtime handlers, the default's empty one left out. containerd 1.7 tells none. */
  handlers(signal?: AbortSignal): Promise<string[]>;
}

export interface ContainerRuntime
  extends RuntimeFacts,
    PodRuntime,
    ContainerOperations,
    ImageStore,
    ContainerStorage,
    TaskOperations {
  /** Ends the connection; calls under way fail. */
  close(): void;
}
