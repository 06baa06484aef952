// Original file: agent.proto


export interface ArmRequest {
  'migration'?: (string);
  'target_ips'?: (string)[];
}

export interface ArmRequest__Output {
  'migration': (string);
  'target_ips': (string)[];
}
