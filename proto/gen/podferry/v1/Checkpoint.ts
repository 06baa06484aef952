// Original file: coordinator.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';

export interface Checkpoint {
  'namespace'?: (string);
  'name'?: (string);
  'pod'?: (_podferry_v1_PodRef | null);
  'node'?: (string);
  'ended'?: (boolean);
  'ready'?: (boolean);
  'outcome'?: (_podferry_v1_Finding | null);
  'bytes'?: (string);
  'freeze_ms'?: (number | string);
  'created_unix_ms'?: (number | string);
  'total_ms'?: (number | string);
  'location'?: (string);
}

export interface Checkpoint__Output {
  'namespace': (string);
  'name': (string);
  'pod': (_podferry_v1_PodRef__Output | null);
  'node': (string);
  'ended': (boolean);
  'ready': (boolean);
  'outcome': (_podferry_v1_Finding__Output | null);
  'bytes': (string);
  'freeze_ms': (number);
  'created_unix_ms': (number);
  'total_ms': (number);
  'location': (string);
}
