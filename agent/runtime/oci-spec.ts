/**
 * What is read of a container's OCI runtime spec (config.json in its bundle), in that file's own names.
 * https://github.com/opencontainers/runtime-spec: config.md and config-linux.md
 */

/** A decimal string beyond 2^53, RLIM_INFINITY for example. */
type WideNumber = number | string;

export interface OciSpec {
  ociVersion: string;
  process?: OciProcess;
  root?: { path: string; readonly?: boolean };
  hostname?: string;
  mounts?: OciMount[];
  annotations?: Record<string, string>;
  linux?: OciLinux;
}

export interface OciProcess {
  terminal?: boolean;
  user: { uid: number; gid: number; additionalGids?: number[] };
  args?: string[];
  env?: string[];
  cwd: string;
  rlimits?: { type: string; hard: WideNumber; soft: WideNumber }[];
  noNewPrivileges?: boolean;
  oomScoreAdj?: number;
}

export interface OciMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface OciLinux {
  /** Without a path the namespace is the container's own. */
  namespaces?: { type: string; path?: string }[];
  cgroupsPath?: string;
  devices?: { path: string; type: string; major?: number; minor?: number; fileMode?: number }[];
  resources?: { devices?: { allow: boolean; type?: string; major?: number; minor?: number; access?: string }[] };
  seccomp?: { defaultAction: string };
  maskedPaths?: string[];
  readonlyPaths?: string[];
}
