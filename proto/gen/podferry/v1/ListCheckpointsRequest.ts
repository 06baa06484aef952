// Original file: coordinator.proto


export interface ListCheckpointsRequest {
  'namespace'?: (string);
}

export interface ListCheckpointsRequest__Output {
  'namespace': (string);
}
