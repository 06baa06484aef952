// Original file: agent.proto

import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from '../../podferry/v1/Plan.ts';

export interface PrepareSourceRequest {
  'plan'?: (_podferry_v1_Plan | null);
  'data_address'?: (string);
  'token'?: (string);
}

export interface PrepareSourceRequest__Output {
  'plan': (_podferry_v1_Plan__Output | null);
  'data_address': (string);
  'token': (string);
}
