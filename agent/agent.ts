/** What the two sides of an agent share: the node it is on, and the parts that it was given. */
import type { Logger } from 'pino';
import type { PodRef__Output } from '../proto/gen/podferry/v1/PodRef.ts';
import type { Transport__Output as TransportName } from '../proto/gen/podferry/v1/Transport.ts';
import { Fault } from '../proto/fault.ts';
import type { KeptLogs } from './journal/keep.ts';
import { standing } from './metrics.ts';
import type { NodePaths } from './paths.ts';
import { describePod, findPod, type SourcePod } from './preflight/describe.ts';
import { lookAgain, type NodeSituation } from './preflight/situation.ts';
import type { ContainerRuntime } from './runtime/runtime.ts';
import { SourceMigration } from './source/source.ts';
import { Sources } from './source/sources.ts';
import type { TargetMigration } from './target/target.ts';
import { Targets } from './target/targets.ts';
import type { Checkpoints } from './transfer/directory/checkpoints.ts';
import type { Shared, Transports } from './transfer/open.ts';
import type { StreamTransport } from './transfer/stream/stream.ts';
import type { Sending, Transport } from './transfer/transfer.ts';

export interface AgentParts {
  paths: NodePaths;
  runtime: ContainerRuntime;
  /** Its socket. */
  containerd: string;
  situation: NodeSituation;
  log: Logger;
  keptLogs: KeptLogs;
  /** These throw Fault TransportUnavailable for what this node has not. */
  sending(plan: { transport: TransportName }): Sending;
  transport(plan: { transport: TransportName }): Transport;
  checkpoints(): Checkpoints;
  /** Of post-copy, which has a connection of its own for memory. */
  pages: { transport: StreamTransport; log: Logger };
}

export class Agent {
  readonly sources: Sources;
  readonly targets: Targets;
  readonly runtime: ContainerRuntime;
  readonly #parts: AgentParts;
  readonly #transports: Transports;

  constructor(parts: Omit<AgentParts, 'sending' | 'transport' | 'checkpoints' | 'pages'> & { transports: Transports }) {
    this.#transports = parts.transports;
    this.#parts = {
      ...parts,
      sending: (plan) => this.sending(plan),
      transport: (plan) => (plan.transport === 'nfs' ? this.#shared().nfs : this.#transports.stream),
      checkpoints: () => this.checkpoints(),
      pages: { transport: parts.transports.stream, log: parts.log },
    };
    this.runtime = parts.runtime;
    this.sources = new Sources(this.#parts);
    this.targets = new Targets(this.#parts);
    // What only waits for connections may do so for long.
    const isUnderWay = (each: SourceMigration | TargetMigration) =>
      each instanceof SourceMigration ? each.passedAt === undefined : each.record.step !== 'Running';
    standing.journalled = (side) => [...this[`${side}s`].all.values()].filter(isUnderWay).map(({ since }) => since);
    standing.still = () => [...this.sources.all.values()].flatMap(({ stillSince }) => stillSince ?? []);
    standing.held = () => this.sources.holds.all.length;
  }

  /** Takes up what an earlier life of this agent left in the journal. */
  async takeUp(): Promise<void> {
    await this.sources.takeUp();
    await this.targets.takeUp();
    const alive = new Set([...this.sources.all.keys(), ...this.targets.all.keys()]);
    const { stream, shared } = this.#transports;
    for (const transport of [stream, shared?.nfs, shared?.directory]) await transport?.sweep(alive);
  }

  /** Migrations that have left something here, in any part. */
  get journalled(): number {
    const held = this.sources.holds.all.filter(({ plan }) => !this.sources.all.has(plan.id));
    return this.sources.all.size + this.targets.all.size + held.length;
  }

  async lookAgain(): Promise<NodeSituation> {
    this.#parts.situation = await lookAgain(this.#parts.situation);
    return this.#parts.situation;
  }

  async describe(ref: PodRef__Output): Promise<SourcePod> {
    const { situation } = this.#parts;
    return await describePod(
      this.runtime,
      await findPod(this.runtime, ref, situation.node, (id) => this.sources.hasLeft(id)),
    );
  }

  sending({ transport }: { transport: TransportName }): Sending {
    return transport === 'nfs' || transport === 'directory' ? this.#shared()[transport] : this.#transports.stream;
  }

  checkpoints(): Checkpoints {
    return this.#shared().checkpoints;
  }

  #shared(): Shared {
    const { node, nfsUsable } = this.#parts.situation;
    const { shared } = this.#transports;
    if (shared !== undefined && nfsUsable) return shared;
    const why = 'for transport nfs and for checkpoints';
    throw new Fault('TransportUnavailable', `${node} has no directory ${why}: start its agent with --nfs-dir`);
  }
}
