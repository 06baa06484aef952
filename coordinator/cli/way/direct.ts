/** A coordinator that answers at an address, and its calls as promises and streams. */
import { connectivityState, type ServiceError, status } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { Fault, fromStatus } from '../../../proto/fault.ts';
import type { CoordinatorClient } from '../../../proto/gen/podferry/v1/Coordinator.ts';
import { load } from '../../../proto/load.ts';
import { type Calls, type Connection, type Streams, Unreachable } from './connection.ts';
import type { Proof } from './proof.ts';

const service = load('coordinator.proto').podferry.v1.Coordinator;

const connectMs = 10_000;
/** A dry run asks two agents, one after the other. */
const callMs = 45_000;

export class DirectConnection implements Connection {
  readonly #client: CoordinatorClient;
  readonly #where: string;
  readonly #proof: Proof;

  /** @param where as people know it: an address, or what leads to it */
  constructor(address: string, proof: Proof, where = `the coordinator at ${address}`) {
    this.#proof = proof;
    this.#where = where;
    this.#client = new service(address, proof.credentials, {
      ...proof.options,
      'grpc.keepalive_time_ms': 5_000,
      'grpc.keepalive_timeout_ms': 5_000,
      'grpc.max_receive_message_length': 16 << 20,
    });
  }

  async call<Name extends keyof Calls>(name: Name, request: Calls[Name][0]): Promise<Calls[Name][1]> {
    const metadata = await this.#proof.metadata();
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
    const metadata = await this.#proof.metadata();
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

  async whyNoPreflight(): Promise<undefined> {}

  /** The coordinator itself takes back what it does for a client that went away. */
  async close(): Promise<void> {
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
      return new Unreachable(`${this.#where} does not answer: ${fault.message}`, { cause: error });
    return new Fault('Internal', `${status[error.code] ?? 'UNKNOWN'} from ${this.#where}: ${fault.message}`, {
      cause: error,
    });
  }
}
