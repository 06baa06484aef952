/**
 * The agent of one node: calls with deadlines, over a connection that grpc makes again by itself. Its errors become
 * Faults here that say which node, which call and why.
 */
import { type ClientReadableStream, type ServiceError, status } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { Fault, fromStatus } from '../../proto/fault.ts';
import type { AgentClient, AgentDefinition } from '../../proto/gen/podferry/v1/Agent.ts';
import type { Progress__Output as Progress } from '../../proto/gen/podferry/v1/Progress.ts';
import type { SourceState__Output as SourceState } from '../../proto/gen/podferry/v1/SourceState.ts';
import { agentName, type Identity } from '../../proto/identity.ts';
import { load } from '../../proto/load.ts';

const service = load('agent.proto').podferry.v1.Agent;

type Streaming = 'CopyAhead' | 'FreezeAndSend' | 'Follow' | 'Linger';
export type Call =
  | 'Facts'
  | 'ListPods'
  | 'ListMigrations'
  | 'PreflightSource'
  | 'PreflightTarget'
  | 'PrepareTarget'
  | 'PrepareSource'
  | 'HoldSource'
  | 'LiftHold'
  | 'CreateTargetPod'
  | 'AwaitTargetPod'
  | 'Receive'
  | 'ReadCheckpoint'
  | 'RemoveCheckpoint'
  | 'Arm'
  | 'Commit'
  | 'Restore'
  | 'RollBackSource'
  | 'DiscardTarget'
  | 'Revoke'
  | 'PassTraffic'
  | 'ReleaseSource'
  | 'FinishTarget';
export type Request<Name extends keyof AgentDefinition> =
  AgentDefinition[Name] extends MethodDefinition<infer Sent, infer _Received, infer _Read, infer _Answer>
    ? Sent
    : never;
export type Reply<Name extends keyof AgentDefinition> =
  AgentDefinition[Name] extends MethodDefinition<infer _Sent, infer _Received, infer _Read, infer Answer>
    ? Answer
    : never;

/** Milliseconds until a call counts as lost, unless its caller knows better. */
const defaultDeadlines: Readonly<Record<Call | Streaming, number>> = {
  Facts: 3_000,
  ListPods: 5_000,
  ListMigrations: 5_000,
  PreflightSource: 15_000,
  PreflightTarget: 15_000,
  PrepareTarget: 30_000,
  PrepareSource: 30_000,
  // The pod is dumped for trial before.
  HoldSource: 60_000,
  LiftHold: 5_000,
  CreateTargetPod: 120_000,
  AwaitTargetPod: 120_000,
  // Their limit is the migration's own.
  Receive: 3_600_000,
  CopyAhead: 3_600_000,
  Arm: 30_000,
  FreezeAndSend: 11_000,
  // As long as a pod's memory takes.
  Follow: Number.POSITIVE_INFINITY,
  Commit: 5_000,
  Restore: 60_000,
  // CRIU is never killed in the middle of a dump: the thaw waits for its end.
  RollBackSource: 60_000,
  DiscardTarget: 60_000,
  Revoke: 60_000,
  PassTraffic: 10_000,
  // How long it takes is the plan's.
  Linger: 60_000,
  ReleaseSource: 60_000,
  FinishTarget: 30_000,
  ReadCheckpoint: 15_000,
  RemoveCheckpoint: 60_000,
};

const channelOptions = {
  // An agent restarts in a second or two, so grpc's minutes of back-off would be most of our patience.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A cut link says nothing: without these a call would wait for its whole deadline.
  'grpc.keepalive_time_ms': 3_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  // Manifests hold whole CRI configs.
  'grpc.max_receive_message_length': 16 << 20,
  'grpc.max_send_message_length': 16 << 20,
};

/** host:port, where nothing needs to listen yet; or nowhere, and why. */
export type Place = { address: string } | { address: undefined; why: string };

type Connection = { address: string; client: AgentClient } | { address: undefined; why: string };

export class Agent {
  readonly node: string;
  readonly #identity: Pick<Identity, 'channelCredentials' | 'channelOptions'>;
  readonly #longestCallMs: number;
  #connection: Connection;

  /** @param longestCallMs caps every deadline */
  constructor(
    node: string,
    place: Place,
    identity: Pick<Identity, 'channelCredentials' | 'channelOptions'>,
    longestCallMs = Number.POSITIVE_INFINITY,
  ) {
    this.node = node;
    this.#identity = identity;
    this.#longestCallMs = longestCallMs;
    this.#connection = this.#connect(place);
  }

  /** Undefined: it is nowhere now. */
  get address(): string | undefined {
    return this.#connection.address;
  }

  /** What is under way at the old address may end there; whatever is asked from now on is asked at the new one. */
  moveTo(place: Place): void {
    this.close();
    this.#connection = this.#connect(place);
  }

  /**
   * Waits a little for a connection that is not there: right after an agent's start grpc is still in its pause between two
   * tries, and a call would fail at once. Does not say whether it came.
   */
  async reach(ms: number): Promise<void> {
    const connection = this.#connection;
    if (connection.address === undefined) return;
    await new Promise<void>((resolve) => {
      connection.client.waitForReady(Date.now() + ms, () => resolve());
    });
  }

  /** @throws Fault, or the signal's reason */
  async call<Name extends Call>(
    name: Name,
    request: Request<Name>,
    signal: AbortSignal,
    usualMs = defaultDeadlines[name],
  ): Promise<Reply<Name>> {
    signal.throwIfAborted();
    const deadlineMs = Math.min(usualMs, this.#longestCallMs);
    const { client, address } = this.#connected(name);
    // Which request belongs to which method is checked at this function's own type; grpc needs none.
    const method = service.service[name] as unknown as MethodDefinition<unknown, unknown, unknown, Reply<Name>>;
    return await new Promise<Reply<Name>>((resolve, reject) => {
      const call = client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        { deadline: Date.now() + deadlineMs },
        (error, reply) => {
          signal.removeEventListener('abort', cancel);
          if (error !== null) reject(this.#translate(error, name, address, deadlineMs, signal));
          // grpc-js always has a reply when it has no error.
          else resolve(reply as Reply<Name>);
        },
      );
      const cancel = () => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /**
   * A step that tells how far it is.
   * @param usualMs Infinity: without a deadline, so until the signal
   * @returns the source's state at its end
   * @throws Fault, or the signal's reason
   */
  async follow(
    name: Streaming,
    request: Request<Streaming>,
    progress: (progress: Progress) => void,
    signal: AbortSignal,
    usualMs = defaultDeadlines[name],
  ): Promise<SourceState> {
    signal.throwIfAborted();
    const deadlineMs = Math.min(usualMs, this.#longestCallMs);
    const options = { deadline: Date.now() + deadlineMs };
    const { client, address } = this.#connected(name);
    const call: ClientReadableStream<Progress> = client[name](request, options);
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<SourceState>((resolve, reject) => {
        call.on('data', (message: Progress) => {
          progress(message);
          // It is the last one, and the pod is frozen: not even the status that follows is waited for.
          if (message.state !== null) resolve(message.state);
        });
        call.on('error', (error) => reject(this.#translate(error, name, address, deadlineMs, signal)));
        // An error comes before the end, and a call may well end without one and without having done its work.
        call.on('end', () => reject(new Fault('Internal', `${this.#named(name)} ended without saying how`)));
      });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  close(): void {
    if (this.#connection.address !== undefined) this.#connection.client.close();
  }

  #connect(place: Place): Connection {
    if (place.address === undefined) return place;
    const options = { ...channelOptions, ...this.#identity.channelOptions(agentName(this.node)) };
    return { ...place, client: new service(place.address, this.#identity.channelCredentials(), options) };
  }

  #connected(call: string): Extract<Connection, { client: AgentClient }> {
    if (this.#connection.address !== undefined) return this.#connection;
    throw new Fault('AgentUnreachable', `${this.#named(call)}: ${this.#connection.why}`);
  }

  #named(call: string): string {
    return `${call} on ${this.node}`;
  }

  #translate(
    error: Partial<ServiceError>,
    call: string,
    address: string,
    deadlineMs: number,
    signal: AbortSignal,
  ): unknown {
    if (error.code === status.CANCELLED && signal.aborted) return signal.reason;
    const fault = fromStatus(error, 'REASON_UNSPECIFIED');
    const options = { cause: error };
    const absent = (why: string) =>
      new Fault('AgentUnreachable', `${this.#named(call)}: the agent at ${address} does not answer: ${why}`, options);
    // It has a reason of its own, so the agent itself has answered.
    if (fault.message !== '' && error.metadata?.get('podferry-reason').length === 1) {
      return new Fault(fault.reason, `${this.#named(call)}: ${fault.message}`, options);
    }
    if (error.code === status.DEADLINE_EXCEEDED) {
      // grpc-js tells only in its details whether the call ever went out.
      return error.details?.includes('remote_addr=')
        ? new Fault('DeadlineExceeded', `${this.#named(call)}: no answer within ${deadlineMs} ms`, options)
        : absent(`no connection within ${deadlineMs} ms`);
    }
    if (error.code === status.UNAVAILABLE || error.code === status.CANCELLED) return absent(fault.message);
    const name = error.code === undefined ? 'UNKNOWN' : status[error.code];
    return new Fault('Internal', `${this.#named(call)}: ${name}: ${fault.message}`, options);
  }
}

/** An agent that has nothing of it has nothing to do for it. */
export function unlessGone(error: unknown): void {
  if (!(error instanceof Fault && error.reason === 'MigrationNotFound')) throw error;
}
