// Original file: agent.proto


export interface LiftRequest {
  'migration'?: (string);
  'end'?: (boolean);
  'grace_seconds'?: (number);
}

export interface LiftRequest__Output {
  'migration': (string);
  'end': (boolean);
  'grace_seconds': (number);
}
