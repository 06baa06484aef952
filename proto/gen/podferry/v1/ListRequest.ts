// Original file: coordinator.proto


export interface ListRequest {
  'running_only'?: (boolean);
}

export interface ListRequest__Output {
  'running_only': (boolean);
}
