// Original file: agent.proto

import type { PodManifest as _podferry_v1_PodManifest, PodManifest__Output as _podferry_v1_PodManifest__Output } from '../../podferry/v1/PodManifest.ts';
import type { Transport as _podferry_v1_Transport, Transport__Output as _podferry_v1_Transport__Output } from '../../podferry/v1/Transport.ts';
import type { Strategy as _podferry_v1_Strategy, Strategy__Output as _podferry_v1_Strategy__Output } from '../../podferry/v1/Strategy.ts';

export interface PreflightTargetRequest {
  'manifest'?: (_podferry_v1_PodManifest | null);
  'transport'?: (_podferry_v1_Transport);
  'strategy'?: (_podferry_v1_Strategy);
  'pulls'?: (boolean);
}

export interface PreflightTargetRequest__Output {
  'manifest': (_podferry_v1_PodManifest__Output | null);
  'transport': (_podferry_v1_Transport__Output);
  'strategy': (_podferry_v1_Strategy__Output);
  'pulls': (boolean);
}
