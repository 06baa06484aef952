// Original file: coordinator.proto

import type { Migration as _podferry_v1_Migration, Migration__Output as _podferry_v1_Migration__Output } from '../../podferry/v1/Migration.ts';

export interface MigrationEvent {
  'migration'?: (_podferry_v1_Migration | null);
  'message'?: (string);
}

export interface MigrationEvent__Output {
  'migration': (_podferry_v1_Migration__Output | null);
  'message': (string);
}
