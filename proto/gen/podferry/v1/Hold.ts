// Original file: agent.proto

import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from '../../podferry/v1/Plan.ts';

export interface Hold {
  'plan'?: (_podferry_v1_Plan | null);
  'object_json'?: (string);
  'until_unix_ms'?: (number | string);
}

export interface Hold__Output {
  'plan': (_podferry_v1_Plan__Output | null);
  'object_json': (string);
  'until_unix_ms': (number);
}
