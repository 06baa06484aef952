// Original file: coordinator.proto

import type { Phase as _podferry_v1_Phase, Phase__Output as _podferry_v1_Phase__Output } from '../../podferry/v1/Phase.ts';

export interface PhaseTiming {
  'phase'?: (_podferry_v1_Phase);
  'started_unix_ms'?: (number | string);
  'duration_ms'?: (number | string);
}

export interface PhaseTiming__Output {
  'phase': (_podferry_v1_Phase__Output);
  'started_unix_ms': (number);
  'duration_ms': (number);
}
