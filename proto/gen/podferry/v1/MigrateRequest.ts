// Original file: coordinator.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';
import type { Strategy as _podferry_v1_Strategy, Strategy__Output as _podferry_v1_Strategy__Output } from '../../podferry/v1/Strategy.ts';
import type { Transport as _podferry_v1_Transport, Transport__Output as _podferry_v1_Transport__Output } from '../../podferry/v1/Transport.ts';
import type { Network as _podferry_v1_Network, Network__Output as _podferry_v1_Network__Output } from '../../podferry/v1/Network.ts';

export interface MigrateRequest {
  'pod'?: (_podferry_v1_PodRef | null);
  'target_node'?: (string);
  'strategy'?: (_podferry_v1_Strategy);
  'transport'?: (_podferry_v1_Transport);
  'timeout_ms'?: (number);
  'freeze_timeout_ms'?: (number);
  'linger_ms'?: (number);
  'detach'?: (boolean);
  'network'?: (_podferry_v1_Network);
  'connection_linger_ms'?: (number);
  '_linger_ms'?: "linger_ms";
  '_connection_linger_ms'?: "connection_linger_ms";
}

export interface MigrateRequest__Output {
  'pod': (_podferry_v1_PodRef__Output | null);
  'target_node': (string);
  'strategy': (_podferry_v1_Strategy__Output);
  'transport': (_podferry_v1_Transport__Output);
  'timeout_ms': (number);
  'freeze_timeout_ms': (number);
  'linger_ms'?: (number);
  'detach': (boolean);
  'network': (_podferry_v1_Network__Output);
  'connection_linger_ms'?: (number);
  '_linger_ms'?: "linger_ms";
  '_connection_linger_ms'?: "connection_linger_ms";
}
