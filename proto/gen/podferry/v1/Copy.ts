// Original file: coordinator.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';
import type { Phase as _podferry_v1_Phase, Phase__Output as _podferry_v1_Phase__Output } from '../../podferry/v1/Phase.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';

export interface Copy {
  'id'?: (string);
  'pod'?: (_podferry_v1_PodRef | null);
  'node'?: (string);
  'phase'?: (_podferry_v1_Phase);
  'outcome'?: (_podferry_v1_Finding | null);
  'ip'?: (string);
  'total_ms'?: (number | string);
}

export interface Copy__Output {
  'id': (string);
  'pod': (_podferry_v1_PodRef__Output | null);
  'node': (string);
  'phase': (_podferry_v1_Phase__Output);
  'outcome': (_podferry_v1_Finding__Output | null);
  'ip': (string);
  'total_ms': (number);
}
