/** What the two sides of an agent share: the node it is on, and the parts that it was given. */
import type { Logger } from 'pino';
import type { PodRef__Output } from '../proto/gen/podferry/v1/PodRef.ts';
import type { Transport__Output as TransportName } from '../proto/gen/podferry/v1/Transport.ts';
import { Fault } from '../proto/fault.ts';
import type { NodePaths } from './paths.ts';
import { describePod, findPod, type SourcePod } from './preflight/describe.ts';
import { lookAgain, type NodeSituation } from './preflight/situation.ts';
import type { ContainerRuntime } from './runtime/runtime.ts';
import { Sources } from './source/sources.ts';
import { Targets } from './target/targets.ts';
import type { Transport } from './transfer/transfer.ts';

export interface AgentParts {
  paths: NodePaths;
  runtime: ContainerRuntime;
  /** Its socket. */
  containerd: string;
  situation: NodeSituation;
  log: Logger;
  /** Fault TransportUnavailable for one that this node has not. */
  transport(plan: { transport: TransportName }): Transport;
}

export class Agent {
  readonly sources: Sources;
  readonly targets: Targets;
  readonly runtime: ContainerRuntime;
  readonly #parts: AgentParts;
  readonly #transports: Record<'stream' | 'nfs', Transport | undefined>;

  constructor(parts: Omit<AgentParts, 'transport'> & { transports: Record<'stream' | 'nfs', Transport | undefined> }) {
    this.#transports = parts.transports;
    this.#parts = { ...parts, transport: (plan) => this.transport(plan) };
    this.runtime = parts.runtime;
    this.sources = new Sources(this.#parts);
    this.targets = new Targets(this.#parts);
  }

  /** Takes up what an earlier life of this agent left in the journal. */
  async takeUp(): Promise<void> {
    await this.sources.takeUp();
    await this.targets.takeUp();
    const alive = new Set([...this.sources.all.keys(), ...this.targets.all.keys()]);
    for (const transport of Object.values(this.#transports)) await transport?.sweep(alive);
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
    return await describePod(this.runtime, await findPod(this.runtime, ref, situation.node));
  }

  transport(plan: { transport: TransportName }): Transport {
    const { node, nfsUsable } = this.#parts.situation;
    const transport = plan.transport === 'nfs' ? this.#transports.nfs : this.#transports.stream;
    if (transport !== undefined && (plan.transport !== 'nfs' || nfsUsable)) return transport;
    throw new Fault(
      'TransportUnavailable',
      `${node} has no directory for transport nfs: start its agent with --nfs-dir`,
    );
  }
}
