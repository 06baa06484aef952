/** What the commands ask, whatever the way: a coordinator that listens, or a cluster that has one. */
import type { Checkpoint__Output as Checkpoint } from '../../../proto/gen/podferry/v1/Checkpoint.ts';
import type { CheckpointName } from '../../../proto/gen/podferry/v1/CheckpointName.ts';
import type { CheckpointRequest } from '../../../proto/gen/podferry/v1/CheckpointRequest.ts';
import type { Copy__Output as Copy } from '../../../proto/gen/podferry/v1/Copy.ts';
import type { DeleteCheckpointResponse__Output as DeleteCheckpointResponse } from '../../../proto/gen/podferry/v1/DeleteCheckpointResponse.ts';
import type { GetRequest } from '../../../proto/gen/podferry/v1/GetRequest.ts';
import type { ListCheckpointsRequest } from '../../../proto/gen/podferry/v1/ListCheckpointsRequest.ts';
import type { ListCheckpointsResponse__Output as ListCheckpointsResponse } from '../../../proto/gen/podferry/v1/ListCheckpointsResponse.ts';
import type { ListRequest } from '../../../proto/gen/podferry/v1/ListRequest.ts';
import type { ListResponse__Output as ListResponse } from '../../../proto/gen/podferry/v1/ListResponse.ts';
import type { MigrateRequest } from '../../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Migration__Output as Migration } from '../../../proto/gen/podferry/v1/Migration.ts';
import type { MigrationEvent__Output as MigrationEvent } from '../../../proto/gen/podferry/v1/MigrationEvent.ts';
import type { NodesRequest } from '../../../proto/gen/podferry/v1/NodesRequest.ts';
import type { NodesResponse__Output as NodesResponse } from '../../../proto/gen/podferry/v1/NodesResponse.ts';
import type { PodsRequest } from '../../../proto/gen/podferry/v1/PodsRequest.ts';
import type { PodsResponse__Output as PodsResponse } from '../../../proto/gen/podferry/v1/PodsResponse.ts';
import type { PreflightResponse__Output as PreflightResponse } from '../../../proto/gen/podferry/v1/PreflightResponse.ts';
import type { StartCopiesRequest } from '../../../proto/gen/podferry/v1/StartCopiesRequest.ts';

/** Nobody answered, or stopped answering: what became of it is not known here. */
export class Unreachable extends Error {
  readonly hint: string;

  constructor(
    message: string,
    {
      cause,
      hint = 'is it running, is this its address, and does your certificate come from its authority?',
    }: Doubt = {},
  ) {
    super(message, { cause });
    this.hint = hint;
  }
}

interface Doubt {
  cause?: unknown;
  /** What to look at. */
  hint?: string;
}

export interface Calls {
  Get: [GetRequest, Migration];
  List: [ListRequest, ListResponse];
  Cancel: [GetRequest, Migration];
  Nodes: [NodesRequest, NodesResponse];
  Preflight: [MigrateRequest, PreflightResponse];
  Pods: [PodsRequest, PodsResponse];
  ListCheckpoints: [ListCheckpointsRequest, ListCheckpointsResponse];
  DeleteCheckpoint: [CheckpointName, DeleteCheckpointResponse];
}

export interface Streams {
  Migrate: [MigrateRequest, MigrationEvent];
  Watch: [GetRequest, MigrationEvent];
  Checkpoint: [CheckpointRequest, Checkpoint];
  StartCopies: [StartCopiesRequest, Copy];
}

export interface Connection {
  /** @throws Fault as the coordinator gave it, or Unreachable */
  call<Name extends keyof Calls>(name: Name, request: Calls[Name][0]): Promise<Calls[Name][1]>;
  /** Events until the other side has no more, or until the signal. @throws as call() */
  follow<Name extends keyof Streams>(
    name: Name,
    request: Streams[Name][0],
    signal: AbortSignal,
  ): AsyncGenerator<Streams[Name][1]>;
  /** Why nobody can be asked before whether a pod could move; undefined: ask by Preflight. */
  whyNoPreflight(): Promise<string | undefined>;
  /** Takes back what was begun, is not committed and was not to go on alone. */
  close(): Promise<void>;
}
