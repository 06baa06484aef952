/** All agents that there are, and which of them can take part now. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { NodeFacts__Output as NodeFacts } from '../../proto/gen/podferry/v1/NodeFacts.ts';
import type { Agent } from './agent.ts';

/** An absent one may still have facts: those of its last answer. */
type Health =
  | { state: 'unasked' }
  | { state: 'ready'; facts: NodeFacts }
  | { state: 'absent'; facts: NodeFacts | undefined; why: Fault };

/** A little more than grpc's longest pause between two tries to connect. */
const connectMs = 1_300;

/** came: it did not answer the last time, or has not been asked before. */
export type Listener = (node: string, facts: NodeFacts, came: boolean) => Promise<void>;

export class Agents {
  readonly all: readonly Agent[];
  readonly #health: Map<string, Health>;
  readonly #log: Logger;
  #answered: Listener = async () => {};

  constructor(agents: readonly Agent[], log: Logger) {
    this.all = agents;
    this.#health = new Map(agents.map(({ node }) => [node, { state: 'unasked' }]));
    this.#log = log;
  }

  /** @throws Fault NodeNotFound */
  get(node: string): Agent {
    const agent = this.find(node);
    if (agent !== undefined) return agent;
    const known = this.all.map(({ node }) => node).join(', ') || 'none';
    throw new Fault('NodeNotFound', `no agent is known for node ${node}; those with one: ${known}`);
  }

  find(node: string): Agent | undefined {
    return this.all.find((agent) => agent.node === node);
  }

  factsOf(node: string): NodeFacts | undefined {
    const health = this.#health.get(node);
    return health === undefined || health.state === 'unasked' ? undefined : health.facts;
  }

  /** What keeps a node from taking part, as of the last look. */
  problemOf(node: string): Fault | undefined {
    const health = this.#health.get(node);
    if (health === undefined) return new Fault('NodeNotFound', `no agent is known for node ${node}`);
    if (health.state === 'unasked') return new Fault('NodeNotReady', `${node} has not been asked yet`);
    return health.state === 'ready' ? undefined : health.why;
  }

  /** Called, and awaited, whenever an agent has answered. */
  onAnswer(listener: Listener): void {
    this.#answered = listener;
  }

  /** Asks a node how it is. An agent that is away is an answer, so this throws only the signal's reason. */
  async look(node: string, signal: AbortSignal): Promise<void> {
    const agent = this.get(node);
    const before = this.#health.get(node);
    try {
      await agent.reach(connectMs);
      const facts = await agent.call('Facts', {}, signal);
      if (facts.node !== '' && facts.node !== node) {
        throw new Fault(
          'NodeNotReady',
          `${agent.address} is the agent of ${facts.node}, not of ${node}: compare --agents with what each agent has as its --node`,
        );
      }
      const came = before?.state !== 'ready';
      if (came) this.#log.info({ node, address: agent.address, version: facts.agent_version }, 'agent answers');
      // Before it counts as ready: what it was in the middle of comes before anything new.
      await this.#answered(node, facts, came);
      this.#health.set(node, { state: 'ready', facts });
    } catch (error) {
      signal.throwIfAborted();
      const fault = Fault.from(error, 'AgentUnreachable');
      const why = fault.reason === 'NodeNotReady' ? fault : new Fault('NodeNotReady', fault.message, { cause: fault });
      this.#health.set(node, { state: 'absent', facts: this.factsOf(node), why });
      if (before?.state !== 'absent')
        this.#log.warn({ node, address: agent.address, why: why.message }, 'agent does not answer');
    }
  }

  /**
   * Looks at every node again and again until the signal.
   * @param busy nodes that are left alone, so that nothing is asked of an agent in its frozen time
   */
  async watch(intervalMs: number, busy: (node: string) => boolean, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const idle = this.all.filter(({ node }) => !busy(node));
      await Promise.all(idle.map(({ node }) => this.look(node, signal).catch(() => {})));
    }
  }

  close(): void {
    for (const agent of this.all) agent.close();
  }
}
