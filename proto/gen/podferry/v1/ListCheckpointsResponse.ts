// Original file: coordinator.proto

import type { Checkpoint as _podferry_v1_Checkpoint, Checkpoint__Output as _podferry_v1_Checkpoint__Output } from '../../podferry/v1/Checkpoint.ts';

export interface ListCheckpointsResponse {
  'checkpoints'?: (_podferry_v1_Checkpoint)[];
}

export interface ListCheckpointsResponse__Output {
  'checkpoints': (_podferry_v1_Checkpoint__Output)[];
}
