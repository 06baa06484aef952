// Original file: agent.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';
import type { ContainerManifest as _podferry_v1_ContainerManifest, ContainerManifest__Output as _podferry_v1_ContainerManifest__Output } from '../../podferry/v1/ContainerManifest.ts';

export interface PodManifest {
  'pod'?: (_podferry_v1_PodRef | null);
  'handler'?: (string);
  'sandbox_config_json'?: (string);
  'containers'?: (_podferry_v1_ContainerManifest)[];
  'memory_bytes'?: (string);
  'ip'?: (string);
  'cpu_flags'?: (string)[];
  'cgroup_version'?: (number);
  'ips'?: (string)[];
  'mac'?: (string);
}

export interface PodManifest__Output {
  'pod': (_podferry_v1_PodRef__Output | null);
  'handler': (string);
  'sandbox_config_json': (string);
  'containers': (_podferry_v1_ContainerManifest__Output)[];
  'memory_bytes': (string);
  'ip': (string);
  'cpu_flags': (string)[];
  'cgroup_version': (number);
  'ips': (string)[];
  'mac': (string);
}
