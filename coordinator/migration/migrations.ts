/** All migrations that this coordinator knows: those that wait, those that run, and the last ones that have ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { Connections__Output as Connections } from '../../proto/gen/podferry/v1/Connections.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import type { Agents } from '../agents/agents.ts';
import type { Cluster, NodePods } from '../cluster/cluster.ts';
import { isNamesake, newId, type Plan, type Wish } from '../request.ts';
import { type Facts, untouched } from './observe.ts';
import { type Examined, preflight, type Refusal } from './preflight.ts';
import type { Claim, Queue } from './queue.ts';
import { type Listener, MigrationRecord } from './record.ts';
import type { Patience } from './patience.ts';
import { Run } from './run.ts';

/** What is told of migrations to those that count them. */
export interface Tally {
  refused(wish: Wish, first: Refusal): void;
  ended(migration: Migration): void;
}

export interface World {
  agents: Agents;
  cluster: Cluster;
  queue: Queue;
  patience: Patience;
  log: Logger;
  tally: Tally;
}

/** So long a coordinator that shuts down waits for connections. */
const shortLingerMs = 3_000;

/** Ended ones beyond this many are forgotten, the oldest first. */
const remembered = 500;

export class Migrations {
  readonly #world: World;
  readonly #records = new Map<string, MigrationRecord>();
  readonly #runs = new Map<string, { run: Run; end: Promise<void> }>();
  readonly #watchers = new Set<Listener>();
  readonly #halt = new AbortController();
  #closed: Fault | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get records(): readonly MigrationRecord[] {
    return [...this.#records.values()];
  }

  /** @throws Fault MigrationNotFound */
  get(id: string): MigrationRecord {
    const record = this.#records.get(id);
    if (record !== undefined) return record;
    throw new Fault('MigrationNotFound', `no migration ${id} is known here: it never was, or it ended long ago`);
  }

  /** Those under way or waiting. */
  get active(): readonly string[] {
    return [...this.#runs.keys()];
  }

  /** That still go by way of sources. */
  get connections(): Pick<Connections, 'kept' | 'forwarded'> {
    const all = this.records.filter(({ ended }) => !ended).map((record) => record.snapshot().connections);
    const sum = (of: 'kept' | 'forwarded') => all.reduce((count, each) => count + (each?.[of] ?? 0), 0);
    return { kept: sum('kept'), forwarded: sum('forwarded') };
  }

  /** How many of them a node can have in its journal. */
  activeOn(node: string): number {
    const plans = [...this.#runs.values()].map(({ run }) => run.record.plan);
    return plans.filter(({ source_node, target_node }) => source_node === node || target_node === node).length;
  }

  isActive(id: string): boolean {
    return this.#runs.has(id);
  }

  /** Hears of every migration, also of those to come. @returns what ends it */
  watch(listener: Listener): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  /** A dry run. */
  async examine(wish: Wish, signal: AbortSignal): Promise<Examined> {
    const pod = podKey(wish.pod);
    const examined = await preflight(newId(), wish, this.#world.agents, this.#world.cluster, signal);
    const holder = this.#world.queue.holder(pod);
    if (holder !== undefined) {
      examined.findings.unshift({
        reason: 'MigrationInProgress',
        message: `pod ${pod} is being migrated or checkpointed by ${holder}`,
      });
    }
    return examined;
  }

  async podsOn(node: string, namespace: string, signal: AbortSignal): Promise<NodePods> {
    return await this.#world.cluster.podsOn(node, namespace, signal);
  }

  /** What start() would throw now, without starting it. */
  async check(wish: Wish, signal: AbortSignal): Promise<Plan> {
    if (this.#closed !== undefined) throw this.#closed;
    return this.#unrefused(wish, await this.examine(wish, signal));
  }

  /** @throws Fault with the first reason and all messages; then nothing has been touched */
  async start(wish: Wish, signal: AbortSignal, id = newId()): Promise<MigrationRecord> {
    if (this.#closed !== undefined) throw this.#closed;
    const { agents, cluster, queue } = this.#world;
    const claim = queue.claim(podKey(wish.pod), id);
    try {
      const examined = await preflight(id, wish, agents, cluster, signal);
      const plan = this.#unrefused(wish, examined);
      const { manifest } = examined;
      const facts = { ...untouched, checked: true, namesake: isNamesake(plan) };
      signal.throwIfAborted();
      const run = new Run(new MigrationRecord(plan), facts, this.#world, manifest);
      this.#begin(run, () => this.#inTurn(run, claim, wish.timeoutMs));
      return run.record;
    } catch (error) {
      queue.release(claim);
      throw error;
    }
  }

  #unrefused(wish: Wish, { plan, findings }: Examined): Plan {
    const [first] = findings;
    if (first !== undefined) {
      this.#world.tally.refused(wish, first);
      throw new Fault(first.reason, findings.map(({ message }) => message).join('; '));
    }
    if (plan === undefined) throw new Fault('Internal', 'preflight found nothing against it, and no plan either');
    return plan;
  }

  /** One that the agents were found in the middle of, by an earlier coordinator or after this one had given up. */
  resume(plan: MigrationRecord['plan'], facts: Facts): void {
    if (this.isActive(plan.id) || this.#closed !== undefined) return;
    const { queue } = this.#world;
    const pod = podKey({ namespace: plan.pod?.namespace ?? '', name: plan.pod?.name ?? '' });
    const run = new Run(this.#records.get(plan.id) ?? new MigrationRecord(plan), facts, this.#world);
    // What is left of an old one does not keep a newer one from its pod.
    const claim = queue.holder(pod) === undefined ? queue.claim(pod, plan.id) : { pod, id: plan.id };
    queue.enterRunning(plan.id, [plan.source_node, plan.target_node]);
    this.#begin(run, async () => {
      this.#giveWayOf(run, claim);
      try {
        await run.toEnd(this.#halt.signal);
      } finally {
        queue.release(claim);
      }
    });
  }

  /**
   * One that only waits for connections waits no longer, and succeeds.
   * @throws Fault MigrationNotFound, or TooLate when it is committed or has ended
   */
  cancel(id: string, why: Fault): MigrationRecord {
    const record = this.get(id);
    const run = this.#runs.get(id)?.run;
    if (run?.stop(why) === true || (record.keepsConnections && run?.endLinger(why) === true)) return record;
    const state = record.ended
      ? `has ended: ${record.phase}`
      : record.committed
        ? 'is committed and goes on: its target is the workload now'
        : 'can only go on: the object of its source is gone already';
    throw new Fault('TooLate', `${id} ${state}`);
  }

  /**
   * No new ones; what is not committed goes back, what is committed is finished.
   * @param graceMs afterwards, or with 0 at once, everything is left as it is: whoever starts next carries on
   */
  async close(graceMs: number): Promise<void> {
    this.#closed = new Fault('NodeNotReady', 'the coordinator is shutting down: try again when it is back');
    const why = new Fault('CoordinatorRestarted', 'the coordinator was shut down before the commit');
    if (graceMs === 0) this.#halt.abort(why);
    for (const { run } of this.#runs.values()) if (graceMs > 0) run.stop(why);
    const timer = setTimeout(() => this.#halt.abort(why), graceMs);
    const runs = [...this.#runs.values()];
    // Connections may be waited for by the next one just as well.
    const ends = Promise.all(runs.map(async ({ end }) => await end));
    await Promise.all(runs.map(async ({ run, end }) => await Promise.race([end, run.givenWay])));
    await Promise.race([ends, sleep(shortLingerMs, undefined, { ref: false })]);
    clearTimeout(timer);
    this.#halt.abort(why);
    await ends;
  }

  #begin(run: Run, work: () => Promise<void>): void {
    const { record } = run;
    const { id } = record.plan;
    const late = record.ended;
    this.#records.set(id, record);
    if (!late) record.listen((migration, message) => this.#tell(migration, message));
    const end = work()
      .catch((error: unknown) => this.#world.log.error({ migration: id, err: error }, 'left as it is'))
      .finally(() => {
        this.#runs.delete(id);
        if (!late && record.ended) this.#world.tally.ended(record.snapshot());
        this.#forget();
      });
    this.#runs.set(id, { run, end });
    if (late) record.note('taken up again, because an agent still holds a part of it');
    else record.announce();
  }

  async #inTurn(run: Run, claim: Claim, timeoutMs: number): Promise<void> {
    const { queue } = this.#world;
    const { plan } = run.record;
    let timer: NodeJS.Timeout | undefined;
    try {
      const asked = performance.now();
      await queue.turn(plan.id, [plan.source_node, plan.target_node], run.stopping).catch(() => {});
      // Much may have happened while it waited.
      if (performance.now() - asked > 1_000) run.forgetPreflight();
      const late = () =>
        run.stop(new Fault('DeadlineExceeded', `not committed within ${timeoutMs} ms, as --timeout asks`));
      timer = setTimeout(late, timeoutMs);
      this.#giveWayOf(run, claim);
      await run.toEnd(this.#halt.signal);
    } finally {
      clearTimeout(timer);
      queue.release(claim);
    }
  }

  /** The pod at the target may be moved on, and other pods of these nodes, while connections hold the source. */
  #giveWayOf(run: Run, claim: Claim): void {
    const { target_pod } = run.record.plan;
    // Where agents make pods, all that a pod ever was has one name; the sandbox that is left does not count as one.
    const name = target_pod === null || isNamesake(run.record.plan);
    void run.givenWay.then(() => this.#world.queue.giveWay(claim, { name }));
  }

  #tell(migration: Migration, message: string): void {
    for (const watcher of this.#watchers) watcher(migration, message);
  }

  #forget(): void {
    const ended = this.records.filter((record) => record.ended && !this.isActive(record.plan.id));
    for (const record of ended.slice(0, Math.max(0, ended.length - remembered))) this.#records.delete(record.plan.id);
  }
}

function podKey({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}
