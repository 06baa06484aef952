// Original file: agent.proto

import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from '../../podferry/v1/PodRef.ts';

export interface Pod {
  'ref'?: (_podferry_v1_PodRef | null);
  'node'?: (string);
  'sandbox_id'?: (string);
  'state'?: (string);
  'ip'?: (string);
  'handler'?: (string);
}

export interface Pod__Output {
  'ref': (_podferry_v1_PodRef__Output | null);
  'node': (string);
  'sandbox_id': (string);
  'state': (string);
  'ip': (string);
  'handler': (string);
}
