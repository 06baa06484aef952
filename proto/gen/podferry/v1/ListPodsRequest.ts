// Original file: agent.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';

export interface ListPodsRequest {
  'pod'?: (_podferry_v1_PodRef | null);
}

export interface ListPodsRequest__Output {
  'pod': (_podferry_v1_PodRef__Output | null);
}
