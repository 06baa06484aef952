// Original file: agent.proto


export interface HoldRequest {
  'migration'?: (string);
  'object_json'?: (string);
  'valid_ms'?: (number);
}

export interface HoldRequest__Output {
  'migration': (string);
  'object_json': (string);
  'valid_ms': (number);
}
