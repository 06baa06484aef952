// Original file: migration.proto


export interface CheckpointRef {
  'id'?: (string);
  'digest'?: (string);
}

export interface CheckpointRef__Output {
  'id': (string);
  'digest': (string);
}
