// Original file: coordinator.proto

import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from '../../podferry/v1/Plan.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';

export interface PreflightResponse {
  'plan'?: (_podferry_v1_Plan | null);
  'findings'?: (_podferry_v1_Finding)[];
}

export interface PreflightResponse__Output {
  'plan': (_podferry_v1_Plan__Output | null);
  'findings': (_podferry_v1_Finding__Output)[];
}
