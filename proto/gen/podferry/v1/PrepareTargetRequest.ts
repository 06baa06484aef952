// Original file: agent.proto

import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from '../../podferry/v1/Plan.ts';
import type { PodManifest as _podferry_v1_PodManifest, PodManifest__Output as _podferry_v1_PodManifest__Output } from '../../podferry/v1/PodManifest.ts';

export interface PrepareTargetRequest {
  'plan'?: (_podferry_v1_Plan | null);
  'manifest'?: (_podferry_v1_PodManifest | null);
}

export interface PrepareTargetRequest__Output {
  'plan': (_podferry_v1_Plan__Output | null);
  'manifest': (_podferry_v1_PodManifest__Output | null);
}
