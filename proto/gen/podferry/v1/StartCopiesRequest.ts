// Original file: coordinator.proto

import type { CheckpointName as _podferry_v1_CheckpointName, CheckpointName__Output as _podferry_v1_CheckpointName__Output } from '../../podferry/v1/CheckpointName.ts';

export interface StartCopiesRequest {
  'checkpoint'?: (_podferry_v1_CheckpointName | null);
  'replicas'?: (number);
  'target_node'?: (string);
  'timeout_ms'?: (number);
}

export interface StartCopiesRequest__Output {
  'checkpoint': (_podferry_v1_CheckpointName__Output | null);
  'replicas': (number);
  'target_node': (string);
  'timeout_ms': (number);
}
