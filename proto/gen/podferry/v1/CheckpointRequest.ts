// Original file: coordinator.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';

export interface CheckpointRequest {
  'pod'?: (_podferry_v1_PodRef | null);
  'name'?: (string);
  'timeout_ms'?: (number);
}

export interface CheckpointRequest__Output {
  'pod': (_podferry_v1_PodRef__Output | null);
  'name': (string);
  'timeout_ms': (number);
}
