// Original file: agent.proto


export interface ExternalMount {
  'mount_point'?: (string);
  'options'?: (string);
  'cgroup'?: (boolean);
}

export interface ExternalMount__Output {
  'mount_point': (string);
  'options': (string);
  'cgroup': (boolean);
}
