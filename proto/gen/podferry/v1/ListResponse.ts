// Original file: coordinator.proto

import type { Migration as _podferry_v1_Migration, Migration__Output as _podferry_v1_Migration__Output } from '../../podferry/v1/Migration.ts';

export interface ListResponse {
  'migrations'?: (_podferry_v1_Migration)[];
}

export interface ListResponse__Output {
  'migrations': (_podferry_v1_Migration__Output)[];
}
