// Original file: agent.proto


export interface MigrationRef {
  'migration'?: (string);
}

export interface MigrationRef__Output {
  'migration': (string);
}
