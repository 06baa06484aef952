/**
 * Two nodes of pretence: fakes, because the tests beside this file need orders of events and faults that real agents
 * cannot be made to show (a reply lost after a commit, an agent that dies between two steps). What real agents do is
 * tested in test/integration.
 *
 * The world knows what really runs where, whatever agents answer, and writes down every breach of the protocol.
 */
import { Fault } from '../../../proto/fault.ts';
import type { Finding } from '../../../proto/gen/podferry/v1/Finding.ts';
import type { Plan__Output as Plan } from '../../../proto/gen/podferry/v1/Plan.ts';
import type { SourceStep, TargetStep } from '../../../coordinator/migration/observe.ts';

interface Moment {
  name: string;
  unix_ms: number;
}

export interface SourceEntry {
  plan: Plan;
  step: SourceStep;
  moments: Moment[];
  watchdog?: NodeJS.Timeout;
  /** What clients send goes to the target. */
  passes?: true;
}

export interface TargetEntry {
  plan: Plan;
  step: TargetStep;
  moments: Moment[];
  fault: { reason: 'RestoreFailed' | 'MemoryLost'; message: string } | null;
}

/** What is true of a pod, beside what any journal says. */
interface Truth {
  source: 'running' | 'frozen' | 'killed';
  target: 'nothing' | 'running';
  committed: boolean;
  /** Of post-copy: what the target lacks is with the source alone. */
  owed?: boolean;
}

export interface FakePod {
  namespace: string;
  name: string;
  uid: string;
  node: string;
  ready: boolean;
  /** What is against it, wherever it is to go. */
  refusals?: Finding[];
}

export class World {
  readonly pods: FakePod[] = [];
  readonly truths = new Map<string, Truth>();
  /** Breaches of the protocol, by whoever. A test that ends with one has failed. */
  readonly violations: string[] = [];

  addPod(node: string, name = 'redis', extra: Partial<FakePod> = {}): void {
    this.pods.push({ namespace: 'default', name, uid: `uid-${name}`, node, ready: true, ...extra });
  }

  /** Where a pod runs, by what is true. */
  placesOf(name = 'redis'): string[] {
    return this.pods.filter((pod) => pod.name === name && pod.ready).map(({ node }) => node);
  }

  truth(id: string): Truth {
    const truth = this.truths.get(id) ?? { source: 'running', target: 'nothing', committed: false };
    this.truths.set(id, truth);
    return truth;
  }

  violated(what: string): never {
    this.violations.push(what);
    throw new Fault('Internal', `breach of the protocol: ${what}`);
  }

  freeze({ id, pod, source_node }: Plan): void {
    this.truth(id).source = 'frozen';
    this.#leave(pod?.name ?? '', source_node);
  }

  thaw({ id, pod, source_node }: Plan): void {
    const truth = this.truth(id);
    if (truth.target === 'running') this.violated(`${id}: the source thaws while the target runs`);
    if (truth.committed) this.violated(`${id}: the source thaws after its commit`);
    if (truth.source === 'frozen') this.addPod(source_node, pod?.name);
    truth.source = 'running';
  }

  start({ id, pod, target_node }: Plan): void {
    const truth = this.truth(id);
    if (truth.source === 'running') this.violated(`${id}: the target starts while the source runs`);
    if (!truth.committed) this.violated(`${id}: the target starts before the commit`);
    truth.target = 'running';
    this.addPod(target_node, pod?.name);
  }

  kill({ id }: Plan): void {
    const truth = this.truth(id);
    if (truth.target !== 'running') this.violated(`${id}: the last copy is killed`);
    if (truth.owed) this.violated(`${id}: memory is killed that is nowhere else`);
    truth.source = 'killed';
  }

  #leave(name: string, node: string): void {
    const index = this.pods.findIndex((pod) => pod.name === name && pod.node === node);
    if (index >= 0) this.pods.splice(index, 1);
  }
}
