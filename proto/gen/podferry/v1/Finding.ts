// Original file: migration.proto

import type { Reason as _podferry_v1_Reason, Reason__Output as _podferry_v1_Reason__Output } from '../../podferry/v1/Reason.ts';

export interface Finding {
  'reason'?: (_podferry_v1_Reason);
  'message'?: (string);
}

export interface Finding__Output {
  'reason': (_podferry_v1_Reason__Output);
  'message': (string);
}
