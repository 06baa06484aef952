/** From flags to a coordinator that answers, and its calls as promises and streams. */
import { connectivityState, type ServiceError, status } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { Fault, fromStatus } from '../../proto/fault.ts';
import type { Checkpoint__Output as Checkpoint } from '../../proto/gen/podferry/v1/Checkpoint.ts';
import type { CheckpointName } from '../../proto/gen/podferry/v1/CheckpointName.ts';
import type { CheckpointRequest } from '../../proto/gen/podferry/v1/CheckpointRequest.ts';
import type { CoordinatorClient } from '../../proto/gen/podferry/v1/Coordinator.ts';
import type { Copy__Output as Copy } from '../../proto/gen/podferry/v1/Copy.ts';
import type { DeleteCheckpointResponse__Output as DeleteCheckpointResponse } from '../../proto/gen/podferry/v1/DeleteCheckpointResponse.ts';
import type { GetRequest } from '../../proto/gen/podferry/v1/GetRequest.ts';
import type { ListCheckpointsRequest } from '../../proto/gen/podferry/v1/ListCheckpointsRequest.ts';
import type { ListCheckpointsResponse__Output as ListCheckpointsResponse } from '../../proto/gen/podferry/v1/ListCheckpointsResponse.ts';
import type { ListRequest } from '../../proto/gen/podferry/v1/ListRequest.ts';
import type { ListResponse__Output as ListResponse } from '../../proto/gen/podferry/v1/ListResponse.ts';
import type { MigrateRequest } from '../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import type { MigrationEvent__Output as MigrationEvent } from '../../proto/gen/podferry/v1/MigrationEvent.ts';
import type { NodesRequest } from '../../proto/gen/podferry/v1/NodesRequest.ts';
import type { NodesResponse__Output as NodesResponse } from '../../proto/gen/podferry/v1/NodesResponse.ts';
import type { PodsRequest } from '../../proto/gen/podferry/v1/PodsRequest.ts';
import type { PodsResponse__Output as PodsResponse } from '../../proto/gen/podferry/v1/PodsResponse.ts';
import type { PreflightResponse__Output as PreflightResponse } from '../../proto/gen/podferry/v1/PreflightResponse.ts';
import type { StartCopiesRequest } from '../../proto/gen/podferry/v1/StartCopiesRequest.ts';
import { load } from '../../proto/load.ts';
import { parseAddress } from '../settings.ts';
import { mistakesIn, type Proof, type ProofFlags, proofOf } from './proof.ts';

const service = load('coordinator.proto').podferry.v1.Coordinator;

export interface ConnectionFlags extends ProofFlags {
  coordinator?: string;
}

/** Nobody answered, or stopped answering: what the coordinator does now is not known here. */
export class Unreachable extends Error {}

interface Calls {
  Get: [GetRequest, Migration];
  List: [ListRequest, ListResponse];
  Cancel: [GetRequest, Migration];
  Nodes: [NodesRequest, NodesResponse];
  Preflight: [MigrateRequest, PreflightResponse];
  Pods: [PodsRequest, PodsResponse];
  ListCheckpoints: [ListCheckpointsRequest, ListCheckpointsResponse];
  DeleteCheckpoint: [CheckpointName, DeleteCheckpointResponse];
}

interface Streams {
  Migrate: [MigrateRequest, MigrationEvent];
  Watch: [GetRequest, MigrationEvent];
  Checkpoint: [CheckpointRequest, Checkpoint];
  StartCopies: [StartCopiesRequest, Copy];
}

const connectMs = 10_000;
/** A dry run asks two agents, one after the other. */
const callMs = 45_000;

export class Connection {
  readonly #client: CoordinatorClient;
  readonly #address: string;
  readonly #proof: Proof;

  /** @throws Fault InvalidArgument when the flags do not say how to connect */
  constructor({ coordinator, ...flags }: ConnectionFlags, warn: (line: string) => void) {
    const where =
      coordinator === undefined
        ? 'where is the coordinator? Say --coordinator HOST:PORT or set PODFERRY_COORDINATOR'
        : mistakeIn(coordinator);
    const mistakes = [...(where === undefined ? [] : [where]), ...mistakesIn(flags)];
    if (mistakes.length > 0) throw new Fault('InvalidArgument', mistakes.join('\n'));
    this.#proof = proofOf(flags, warn);
    this.#address = coordinator ?? '';
    this.#client = new service(this.#address, this.#proof.credentials, {
      ...this.#proof.options,
      'grpc.keepalive_time_ms': 5_000,
      'grpc.keepalive_timeout_ms': 5_000,
      'grpc.max_receive_message_length': 16 << 20,
    });
  }

  /** @throws Fault as the coordinator gave it, or Unreachable */
  async call<Name extends keyof Calls>(name: Name, request: Calls[Name][0]): Promise<Calls[Name][1]> {
    const metadata = this.#proof.metadata();
    const stop = this.#boundConnecting(() => this.#client.close());
    try {
      return await new Promise<Calls[Name][1]>((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = service.service[name] as MethodDefinition<
          Calls[Name][0],
          unknown,
          unknown,
          Calls[Name][1]
        >;
        const options = { deadline: Date.now() + callMs };
        const done = (error: ServiceError | null, reply?: Calls[Name][1]) =>
          // grpc-js always has a reply when it has no error
          error === null ? resolve(reply as Calls[Name][1]) : reject(error);
        this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, done);
      });
    } catch (error) {
      throw this.#translate(error as ServiceError);
    } finally {
      stop();
    }
  }

  /** Events until the other side has no more, or until the signal. @throws as call() */
  async *follow<Name extends keyof Streams>(
    name: Name,
    request: Streams[Name][0],
    signal: AbortSignal,
  ): AsyncGenerator<Streams[Name][1]> {
    const { path, requestSerialize, responseDeserialize } = service.service[name] as MethodDefinition<
      Streams[Name][0],
      unknown,
      unknown,
      Streams[Name][1]
    >;
    const metadata = this.#proof.metadata();
    const call = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata);
    const cancel = () => call.cancel();
    const stop = this.#boundConnecting(cancel);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      for await (const event of call) yield event as Streams[Name][1];
    } catch (error) {
      if (signal.aborted) return;
      throw this.#translate(error as ServiceError);
    } finally {
      stop();
      signal.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
    this.#proof.close();
  }

  /** A refused connection fails at once, one into nowhere would not for a long time. */
  #boundConnecting(giveUp: () => void): () => void {
    const timer = setTimeout(() => {
      if (this.#client.getChannel().getConnectivityState(false) !== connectivityState.READY) giveUp();
    }, connectMs);
    return () => clearTimeout(timer);
  }

  #translate(error: ServiceError): Error {
    // What has a reason of ours was said by the coordinator itself, whatever its status.
    const fault = fromStatus(error, 'REASON_UNSPECIFIED');
    if (error.metadata?.get('podferry-reason').length === 1) return fault;
    const silent = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED];
    if (silent.includes(error.code))
      return new Unreachable(`the coordinator at ${this.#address} does not answer: ${fault.message}`, { cause: error });
    return new Fault('Internal', `${status[error.code] ?? 'UNKNOWN'} from ${this.#address}: ${fault.message}`, {
      cause: error,
    });
  }
}

function mistakeIn(address: string): string | undefined {
  try {
    parseAddress(address);
    return undefined;
  } catch (error) {
    return `--coordinator: ${(error as Error).message}`;
  }
}
