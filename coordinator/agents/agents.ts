/** All agents that there are, and which of them can take part now. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { NodeFacts__Output as NodeFacts } from '../../proto/gen/podferry/v1/NodeFacts.ts';
import type { Agent, Place } from './agent.ts';

/** One that is not ready may still have facts: those of its last answer, wherever it was then. */
type Health =
  | { state: 'unasked'; facts: NodeFacts | undefined }
  | { state: 'ready'; facts: NodeFacts }
  | { state: 'absent'; facts: NodeFacts | undefined; why: Fault };

/** A little more than grpc's longest pause between two tries to connect. */
const connectMs = 1_300;

/** came: it did not answer the last time, or has not been asked before. */
export type Listener = (node: string, facts: NodeFacts, came: boolean) => Promise<void>;

export class Agents {
  readonly #agents = new Map<string, Agent>();
  readonly #health = new Map<string, Health>();
  readonly #make: (node: string, place: Place) => Agent;
  readonly #log: Logger;
  #answered: Listener = async () => {};
  /** Until then a node that is not known may still become known. */
  #moreUntil = Number.NEGATIVE_INFINITY;

  constructor(make: (node: string, place: Place) => Agent, log: Logger) {
    this.#make = make;
    this.#log = log;
  }

  get all(): readonly Agent[] {
    return [...this.#agents.values()];
  }

  /**
   * Says where a node's agent is now. The node's Agent stays the same one: who is in the middle of something with it
   * goes on with it at its new place.
   * @returns whether it has to be asked there before it counts
   */
  place(node: string, place: Place): boolean {
    const { address } = place;
    const agent = this.#agents.get(node);
    if (agent === undefined) this.#agents.set(node, this.#make(node, place));
    else if (address !== undefined && agent.address === address) return false;
    else agent.moveTo(place);
    const facts = this.factsOf(node);
    if (address !== undefined) {
      this.#log.info({ node, address }, 'agent found');
      this.#health.set(node, { state: 'unasked', facts });
      return true;
    }
    const why = new Fault('NodeNotReady', `${node}: ${place.why}`);
    if (this.problemOf(node)?.message !== why.message) this.#log.warn({ node, why: why.message }, 'agent is away');
    this.#health.set(node, { state: 'absent', facts, why });
    return false;
  }

  /** Of a node that is gone for good, and its agent with it. */
  forget(node: string): void {
    this.#agents.get(node)?.close();
    this.#agents.delete(node);
    this.#health.delete(node);
    this.#log.info({ node }, 'there is no such node any more');
  }

  /** Some may be found only now, whose nodes others have known before. */
  expectMore(ms: number): void {
    this.#moreUntil = performance.now() + ms;
  }

  /** @throws Fault NodeNotFound */
  get(node: string): Agent {
    const agent = this.find(node);
    if (agent !== undefined) return agent;
    const known = this.all.map(({ node }) => node).join(', ') || 'none';
    throw new Fault('NodeNotFound', `no agent is known for node ${node}; those with one: ${known}`);
  }

  find(node: string): Agent | undefined {
    return this.#agents.get(node);
  }

  /** Whether its agent may know what we do not, and cannot be asked. */
  isAway(node: string): boolean {
    return this.#agents.has(node) ? this.problemOf(node) !== undefined : performance.now() < this.#moreUntil;
  }

  /** Of those that have been asked, by their nodes. */
  get states(): ReadonlyMap<string, 'ready' | 'absent'> {
    return new Map([...this.#health].flatMap(([node, { state }]) => (state === 'unasked' ? [] : [[node, state]])));
  }

  factsOf(node: string): NodeFacts | undefined {
    return this.#health.get(node)?.facts;
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
    const { address } = agent;
    // Why is known already.
    if (address === undefined) return;
    const before = this.#health.get(node);
    // Meanwhile it may be somewhere else, where it is asked anew.
    const isThere = () => this.#agents.get(node) === agent && agent.address === address;
    try {
      await agent.reach(connectMs);
      const facts = await agent.call('Facts', {}, signal);
      if (facts.node !== '' && facts.node !== node) {
        throw new Fault(
          'NodeNotReady',
          `${address} is the agent of ${facts.node}, not of ${node}: compare the --node of that agent with --agents, or with the node of its pod`,
        );
      }
      if (!isThere()) return;
      const came = before?.state !== 'ready';
      if (came) this.#log.info({ node, address, version: facts.agent_version }, 'agent answers');
      // Before it counts as ready: what it was in the middle of comes before anything new.
      await this.#answered(node, facts, came);
      if (isThere()) this.#health.set(node, { state: 'ready', facts });
    } catch (error) {
      signal.throwIfAborted();
      if (!isThere()) return;
      const fault = Fault.from(error, 'AgentUnreachable');
      const why = fault.reason === 'NodeNotReady' ? fault : new Fault('NodeNotReady', fault.message, { cause: fault });
      this.#health.set(node, { state: 'absent', facts: this.factsOf(node), why });
      if (before?.state !== 'absent') this.#log.warn({ node, address, why: why.message }, 'agent does not answer');
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
