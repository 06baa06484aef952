// Original file: agent.proto


export interface Connections {
  'kept'?: (number);
  'forwarded'?: (number);
  'bytes'?: (string);
  'oldest_unix_ms'?: (number | string);
}

export interface Connections__Output {
  'kept': (number);
  'forwarded': (number);
  'bytes': (string);
  'oldest_unix_ms': (number);
}
