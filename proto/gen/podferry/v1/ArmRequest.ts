// Original file: agent.proto


export interface ArmRequest {
  'migration'?: (string);
  'target_ip'?: (string);
}

export interface ArmRequest__Output {
  'migration': (string);
  'target_ip': (string);
}
