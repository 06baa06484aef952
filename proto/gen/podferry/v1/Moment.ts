// Original file: migration.proto


export interface Moment {
  'name'?: (string);
  'unix_ms'?: (number | string);
}

export interface Moment__Output {
  'name': (string);
  'unix_ms': (number);
}
