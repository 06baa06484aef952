// Original file: agent.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';
import type { Transport as _podferry_v1_Transport, Transport__Output as _podferry_v1_Transport__Output } from '../../podferry/v1/Transport.ts';
import type { Strategy as _podferry_v1_Strategy, Strategy__Output as _podferry_v1_Strategy__Output } from '../../podferry/v1/Strategy.ts';

export interface PreflightSourceRequest {
  'pod'?: (_podferry_v1_PodRef | null);
  'transport'?: (_podferry_v1_Transport);
  'strategy'?: (_podferry_v1_Strategy);
  'shared_mounts'?: (string)[];
}

export interface PreflightSourceRequest__Output {
  'pod': (_podferry_v1_PodRef__Output | null);
  'transport': (_podferry_v1_Transport__Output);
  'strategy': (_podferry_v1_Strategy__Output);
  'shared_mounts': (string)[];
}
