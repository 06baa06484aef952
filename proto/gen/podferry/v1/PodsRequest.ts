// Original file: coordinator.proto


export interface PodsRequest {
  'node'?: (string);
  'namespace'?: (string);
}

export interface PodsRequest__Output {
  'node': (string);
  'namespace': (string);
}
