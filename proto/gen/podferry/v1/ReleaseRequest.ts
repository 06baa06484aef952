// Original file: agent.proto


export interface ReleaseRequest {
  'migration'?: (string);
  'linger_ms'?: (number);
}

export interface ReleaseRequest__Output {
  'migration': (string);
  'linger_ms': (number);
}
