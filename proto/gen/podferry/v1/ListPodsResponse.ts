// Original file: agent.proto

import type { Pod as _podferry_v1_Pod, Pod__Output as _podferry_v1_Pod__Output } from '../../podferry/v1/Pod.ts';

export interface ListPodsResponse {
  'pods'?: (_podferry_v1_Pod)[];
}

export interface ListPodsResponse__Output {
  'pods': (_podferry_v1_Pod__Output)[];
}
