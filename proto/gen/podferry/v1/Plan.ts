// Original file: migration.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';
import type { Strategy as _podferry_v1_Strategy, Strategy__Output as _podferry_v1_Strategy__Output } from '../../podferry/v1/Strategy.ts';
import type { Transport as _podferry_v1_Transport, Transport__Output as _podferry_v1_Transport__Output } from '../../podferry/v1/Transport.ts';
import type { CheckpointRef as _podferry_v1_CheckpointRef, CheckpointRef__Output as _podferry_v1_CheckpointRef__Output } from '../../podferry/v1/CheckpointRef.ts';
import type { Network as _podferry_v1_Network, Network__Output as _podferry_v1_Network__Output } from '../../podferry/v1/Network.ts';

export interface Plan {
  'id'?: (string);
  'pod'?: (_podferry_v1_PodRef | null);
  'source_node'?: (string);
  'target_node'?: (string);
  'strategy'?: (_podferry_v1_Strategy);
  'transport'?: (_podferry_v1_Transport);
  'freeze_deadline_ms'?: (number);
  'wait_deadline_ms'?: (number);
  'linger_ms'?: (number);
  'target_pod'?: (_podferry_v1_PodRef | null);
  'checkpoint'?: (_podferry_v1_CheckpointRef | null);
  'network'?: (_podferry_v1_Network);
  'network_reason'?: (string);
  'connection_linger_ms'?: (number);
  'address_annotation'?: (string);
}

export interface Plan__Output {
  'id': (string);
  'pod': (_podferry_v1_PodRef__Output | null);
  'source_node': (string);
  'target_node': (string);
  'strategy': (_podferry_v1_Strategy__Output);
  'transport': (_podferry_v1_Transport__Output);
  'freeze_deadline_ms': (number);
  'wait_deadline_ms': (number);
  'linger_ms': (number);
  'target_pod': (_podferry_v1_PodRef__Output | null);
  'checkpoint': (_podferry_v1_CheckpointRef__Output | null);
  'network': (_podferry_v1_Network__Output);
  'network_reason': (string);
  'connection_linger_ms': (number);
  'address_annotation': (string);
}
