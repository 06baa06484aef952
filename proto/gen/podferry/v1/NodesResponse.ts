// Original file: coordinator.proto

import type { Node as _podferry_v1_Node, Node__Output as _podferry_v1_Node__Output } from '../../podferry/v1/Node.ts';

export interface NodesResponse {
  'nodes'?: (_podferry_v1_Node)[];
}

export interface NodesResponse__Output {
  'nodes': (_podferry_v1_Node__Output)[];
}
