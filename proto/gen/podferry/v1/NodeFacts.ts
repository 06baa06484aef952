// Original file: agent.proto

import type { Transport as _podferry_v1_Transport, Transport__Output as _podferry_v1_Transport__Output } from '../../podferry/v1/Transport.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';

export interface NodeFacts {
  'node'?: (string);
  'agent_version'?: (string);
  'kernel'?: (string);
  'containerd'?: (string);
  'runc'?: (string);
  'criu'?: (string);
  'criu_features'?: (string)[];
  'cgroup_version'?: (number);
  'cpu_flags'?: (string)[];
  'staging_bytes_free'?: (string);
  'data_address'?: (string);
  'transports'?: (_podferry_v1_Transport)[];
  'wrapper_installed'?: (boolean);
  'problems'?: (_podferry_v1_Finding)[];
  'migrations'?: (number);
  'network_features'?: (string)[];
}

export interface NodeFacts__Output {
  'node': (string);
  'agent_version': (string);
  'kernel': (string);
  'containerd': (string);
  'runc': (string);
  'criu': (string);
  'criu_features': (string)[];
  'cgroup_version': (number);
  'cpu_flags': (string)[];
  'staging_bytes_free': (string);
  'data_address': (string);
  'transports': (_podferry_v1_Transport__Output)[];
  'wrapper_installed': (boolean);
  'problems': (_podferry_v1_Finding__Output)[];
  'migrations': (number);
  'network_features': (string)[];
}
