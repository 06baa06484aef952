// Original file: agent.proto

import type { SourceState as _podferry_v1_SourceState, SourceState__Output as _podferry_v1_SourceState__Output } from '../../podferry/v1/SourceState.ts';
import type { TargetState as _podferry_v1_TargetState, TargetState__Output as _podferry_v1_TargetState__Output } from '../../podferry/v1/TargetState.ts';
import type { Hold as _podferry_v1_Hold, Hold__Output as _podferry_v1_Hold__Output } from '../../podferry/v1/Hold.ts';

export interface ListMigrationsResponse {
  'sources'?: (_podferry_v1_SourceState)[];
  'targets'?: (_podferry_v1_TargetState)[];
  'holds'?: (_podferry_v1_Hold)[];
}

export interface ListMigrationsResponse__Output {
  'sources': (_podferry_v1_SourceState__Output)[];
  'targets': (_podferry_v1_TargetState__Output)[];
  'holds': (_podferry_v1_Hold__Output)[];
}
