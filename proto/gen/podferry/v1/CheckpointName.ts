// Original file: coordinator.proto


export interface CheckpointName {
  'namespace'?: (string);
  'name'?: (string);
}

export interface CheckpointName__Output {
  'namespace': (string);
  'name': (string);
}
