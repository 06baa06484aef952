// Original file: agent.proto


export interface Tree {
  'name'?: (string);
  'mount_point'?: (string);
  'bytes'?: (string);
  'volume'?: (string);
}

export interface Tree__Output {
  'name': (string);
  'mount_point': (string);
  'bytes': (string);
  'volume': (string);
}
