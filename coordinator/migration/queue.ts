/** One migration of a pod at a time, so many per node and in all; the rest wait in the order they came. */
import { Fault } from '../../proto/fault.ts';

export interface Limits {
  perNode: number;
  total: number;
}

/** A pod's claim, from before its preflight to its migration's end. */
export interface Claim {
  readonly pod: string;
  readonly id: string;
}

interface Waiting {
  nodes: readonly string[];
  start: () => void;
}

export class Queue {
  readonly #limits: Limits;
  readonly #claims = new Map<string, Claim>();
  readonly #running = new Map<string, readonly string[]>();
  /** Insertion order is the order of the queue. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Migrations that a node takes part in now, as source or as target. */
  load(node: string): number {
    let count = 0;
    for (const nodes of this.#running.values()) if (nodes.includes(node)) count += 1;
    return count;
  }

  /** The same, with those that wait: what a node will have to do, for whoever chooses one. */
  demand(node: string): number {
    let count = this.load(node);
    for (const { nodes } of this.#waiting.values()) if (nodes.includes(node)) count += 1;
    return count;
  }

  /** @returns the migration that has the pod now */
  holder(pod: string): string | undefined {
    return this.#claims.get(pod)?.id;
  }

  /** @throws Fault MigrationInProgress */
  claim(pod: string, id: string): Claim {
    const holder = this.holder(pod);
    if (holder !== undefined) {
      throw new Fault(
        'MigrationInProgress',
        `pod ${pod} is being migrated or checkpointed by ${holder}: wait for it or cancel it`,
      );
    }
    const claim = { pod, id };
    this.#claims.set(pod, claim);
    return claim;
  }

  /**
   * Only connections are left of it: its places are others'. May be called again.
   * @param name whether the pod's name is another pod's by now, which may be claimed; its own stays claimed otherwise
   */
  giveWay(claim: Claim, { name }: { name: boolean }): void {
    if (name && this.#claims.get(claim.pod) === claim) this.#claims.delete(claim.pod);
    this.#running.delete(claim.id);
    this.#startNext();
  }

  /** Gives the pod free, and the places of its migration. May be called again. */
  release(claim: Claim): void {
    if (this.#claims.get(claim.pod) === claim) this.#claims.delete(claim.pod);
    this.#running.delete(claim.id);
    this.#waiting.delete(claim.id);
    this.#startNext();
  }

  /** Resolves when it is this one's turn. Rejects with the signal's reason, and then it waits no more. */
  async turn(id: string, nodes: readonly string[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(id);
        reject(signal.reason as Error);
        // Who waited behind it for the same node may have been held up by it alone.
        this.#startNext();
      };
      const start = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.set(id, { nodes, start });
      this.#startNext();
    });
  }

  /** One that was under way before this coordinator was: limits come too late for it, but it counts. */
  enterRunning(id: string, nodes: readonly string[]): void {
    this.#running.set(id, nodes);
  }

  #startNext(): void {
    // Who waits has a claim to its nodes: nobody overtakes on them, but on other nodes things go on.
    const spokenFor = new Set<string>();
    for (const [id, { nodes, start }] of this.#waiting) {
      if (this.#running.size >= this.#limits.total) return;
      const room = nodes.every((node) => !spokenFor.has(node) && this.load(node) < this.#limits.perNode);
      if (room) {
        this.#waiting.delete(id);
        this.#running.set(id, nodes);
        start();
      } else {
        for (const node of nodes) spokenFor.add(node);
      }
    }
  }
}
