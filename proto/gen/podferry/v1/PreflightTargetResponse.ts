// Original file: agent.proto

import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';

export interface PreflightTargetResponse {
  'findings'?: (_podferry_v1_Finding)[];
}

export interface PreflightTargetResponse__Output {
  'findings': (_podferry_v1_Finding__Output)[];
}
