// Original file: coordinator.proto

import type { NodeFacts as _podferry_v1_NodeFacts, NodeFacts__Output as _podferry_v1_NodeFacts__Output } from '../../podferry/v1/NodeFacts.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';

export interface Node {
  'name'?: (string);
  'address'?: (string);
  'ready'?: (boolean);
  'facts'?: (_podferry_v1_NodeFacts | null);
  'problem'?: (_podferry_v1_Finding | null);
}

export interface Node__Output {
  'name': (string);
  'address': (string);
  'ready': (boolean);
  'facts': (_podferry_v1_NodeFacts__Output | null);
  'problem': (_podferry_v1_Finding__Output | null);
}
