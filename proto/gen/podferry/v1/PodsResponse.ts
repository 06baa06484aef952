// Original file: coordinator.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';

export interface PodsResponse {
  'pods'?: (_podferry_v1_PodRef)[];
  'schedulable'?: (boolean);
}

export interface PodsResponse__Output {
  'pods': (_podferry_v1_PodRef__Output)[];
  'schedulable': (boolean);
}
