// Original file: agent.proto


export interface DiscardRequest {
  'migration'?: (string);
  'keep_images'?: (boolean);
  'pod_is_gone'?: (boolean);
}

export interface DiscardRequest__Output {
  'migration': (string);
  'keep_images': (boolean);
  'pod_is_gone': (boolean);
}
