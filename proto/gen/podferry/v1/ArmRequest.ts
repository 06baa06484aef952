// Original file: agent.proto


export interface ArmRequest {
  'migration'?: (string);
  'target_ips'?: (string)[];
  'target_mac'?: (string);
}

export interface ArmRequest__Output {
  'migration': (string);
  'target_ips': (string)[];
  'target_mac': (string);
}
