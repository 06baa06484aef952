/**
 * Takes up what agents' journals hold and nobody is at: after a start of this coordinator, when an agent comes back, and
 * when an agent says that it holds more than is under way.
 */
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { ListMigrationsResponse__Output as Journal } from '../../proto/gen/podferry/v1/ListMigrationsResponse.ts';
import type { NodeFacts__Output as NodeFacts } from '../../proto/gen/podferry/v1/NodeFacts.ts';
import type { Agents } from '../agents/agents.ts';
import { isNamesake, type Plan } from '../request.ts';
import type { Migrations } from './migrations.ts';
import { found, type TargetState } from './observe.ts';

/** Plans of half a migration are somebody else's: see proto/half.ts. */
export interface Halves {
  ids: readonly string[];
  has(id: string): boolean;
  /** How many of them a node can have in its journal. */
  on(node: string): number;
  takeUp(plan: Plan, target: TargetState | undefined): void;
}

/** Of one node; undefined: its agent did not answer. */
type Journals = Map<string, Journal | undefined>;

export class Sweep {
  readonly #agents: Agents;
  readonly #migrations: Migrations;
  readonly #halves: Halves;
  readonly #log: Logger;
  readonly #intervalMs: number;
  readonly #signal: AbortSignal;
  #last = Number.NEGATIVE_INFINITY;
  #sweeping: Promise<void> = Promise.resolve();

  /** @param intervalMs between two looks at what cannot be brought to an end */
  constructor(
    agents: Agents,
    migrations: Migrations,
    halves: Halves,
    log: Logger,
    intervalMs: number,
    signal: AbortSignal,
  ) {
    this.#agents = agents;
    this.#migrations = migrations;
    this.#halves = halves;
    this.#log = log;
    this.#intervalMs = intervalMs;
    this.#signal = signal;
  }

  /** An agent has answered. Returns when all that is found is under way, not when it has ended. */
  async answered(node: string, { migrations }: NodeFacts, came: boolean): Promise<void> {
    const due = performance.now() - this.#last >= this.#intervalMs;
    if (!came && !(due && migrations > this.#migrations.activeOn(node) + this.#halves.on(node))) return;
    const before = this.#sweeping;
    this.#sweeping = before.then(async () => await this.#sweep());
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    this.#last = performance.now();
    // One that is active now and has ended when the answers come has journals that are not true any more.
    const active = new Set([...this.#migrations.active, ...this.#halves.ids]);
    const journals: Journals = new Map(
      await Promise.all(this.#agents.all.map(async ({ node }) => [node, await this.#journalOf(node)] as const)),
    );
    for (const [id, plan] of this.#plansIn(journals)) {
      if (active.has(id) || this.#migrations.isActive(id) || this.#halves.has(id)) continue;
      if (plan.checkpoint === null) this.#takeUp(id, plan, journals);
      else this.#halves.takeUp(plan, targetOf(plan, journals));
    }
  }

  async #journalOf(node: string): Promise<Journal | undefined> {
    try {
      return await this.#agents.get(node).call('ListMigrations', {}, this.#signal);
    } catch {
      return undefined;
    }
  }

  #plansIn(journals: Journals): Map<string, Plan> {
    const plans = new Map<string, Plan>();
    for (const [node, journal] of journals) {
      const holds = (journal?.holds ?? []).map(({ plan }) => ({ plan, migration: plan?.id ?? '' }));
      for (const { migration, plan } of [...(journal?.sources ?? []), ...(journal?.targets ?? []), ...holds]) {
        if (plan !== null) plans.set(migration, plan);
        else this.#log.error({ migration, node }, 'found in a journal without its plan: undo it on that node by hand');
      }
    }
    return plans;
  }

  #takeUp(id: string, plan: Plan, journals: Journals): void {
    const { source_node, target_node } = plan;
    if (this.#agents.find(source_node) === undefined || this.#agents.find(target_node) === undefined) {
      this.#log.error(
        { migration: id, source_node, target_node },
        'found, but not both of its nodes have an agent that is known here',
      );
      return;
    }
    const source = entryOf(journals.get(source_node)?.sources, id);
    const target = entryOf(journals.get(target_node)?.targets, id);
    const restoreFault =
      target !== undefined && target !== 'none' && target.step === 'RestoreFailed' ? target.fault : null;
    const why =
      restoreFault === null
        ? new Fault('CoordinatorRestarted', `${id} was found in the journals uncommitted, and nobody was at it`)
        : new Fault('RestoreFailed', restoreFault.message);
    const facts = found(source, target, why, isNamesake(plan));
    this.#log.info({ migration: id, source: facts.source, target: facts.target }, 'found in a journal, taken up');
    this.#migrations.resume(plan, facts);
  }
}

function targetOf({ id, target_node }: Plan, journals: Journals): TargetState | undefined {
  const entry = entryOf(journals.get(target_node)?.targets, id);
  return entry === 'none' ? undefined : entry;
}

function entryOf<Entry extends { migration: string }>(
  entries: readonly Entry[] | undefined,
  id: string,
): Entry | 'none' | undefined {
  return entries === undefined ? undefined : (entries.find(({ migration }) => migration === id) ?? 'none');
}
