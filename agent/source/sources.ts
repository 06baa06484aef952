/**
 * The migrations that leave this node, and the steps that can be asked of them. Steps of one migration do not overlap,
 * but a roll back ends what is under way.
 */
import type { ArmRequest__Output } from '../../proto/gen/podferry/v1/ArmRequest.ts';
import type { HoldRequest__Output } from '../../proto/gen/podferry/v1/HoldRequest.ts';
import type { PrepareSourceRequest__Output } from '../../proto/gen/podferry/v1/PrepareSourceRequest.ts';
import type { Connections } from '../../proto/gen/podferry/v1/Connections.ts';
import { Fault } from '../../proto/fault.ts';
import { longestLingerMs } from '../../proto/linger.ts';
import type { Phase } from '../../proto/phases.ts';
import type { AgentParts } from '../agent.ts';
import { expiry } from '../journal/expiry.ts';
import { undoAll } from '../journal/planted.ts';
import { keepLogsOfSuccess } from '../journal/keep.ts';
import { closeJournal, decision, listJournals, now, readRecord } from '../journal/record.ts';
import * as metrics from '../metrics.ts';
import { checkLabel } from '../paths.ts';
import { checkPlan } from '../plan.ts';
import { describePod, findPod } from '../preflight/describe.ts';
import { arm } from './arm.ts';
import { commit, revoke } from './commit.ts';
import type { Hold } from './hold.ts';
import { Holds } from './holds.ts';
import { rehearse } from './rehearse.ts';
import { closeRest, linger } from './linger.ts';
import { passTraffic } from './pass-traffic.ts';
import { killEarly, release } from './release.ts';
import { openPages, servePages } from './post-copy.ts';
import { prepareSource } from './prepare.ts';
import { rollBack } from './roll-back.ts';
import { isLazy, SourceMigration, type SourceRecord } from './source.ts';
import { strategyOf } from './strategy.ts';

/** Above the linger itself: a coordinator that starts anew has this long to carry on. */
const lingerMarginMs = 120_000;
/** Longer ones would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

export class Sources {
  readonly #parts: AgentParts;
  readonly #all = new Map<string, SourceMigration>();
  readonly holds: Holds;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.holds = new Holds(parts, (id) => this.#all.get(id)?.record.step === 'Committed');
    this.#count();
  }

  get all(): ReadonlyMap<string, SourceMigration> {
    return this.#all;
  }

  /**
   * After a restart: what was not committed runs again at once; what was waits for the coordinator, which goes on, or
   * has it undone.
   */
  async takeUp(): Promise<void> {
    const { paths, log } = this.#parts;
    for (const id of listJournals(paths.sources)) {
      const side = paths.source(id);
      const record = readRecord<SourceRecord>(side);
      if (record === undefined) {
        await undoAll(side);
        closeJournal(side);
        continue;
      }
      const source = new SourceMigration(side, record);
      // The decision comes first and counts, even where its agent died before it wrote the step.
      if (decision(side) === 'commit' && record.step !== 'Released') source.enter('Committed');
      if (record.step === 'Committed' || record.step === 'Released') {
        this.#all.set(id, source);
        if (source.passedAt !== undefined) this.#boundLinger(source);
        // The target asks on, and it is tried until it can.
        servePages(source, this.#parts.pages).catch(() => {});
      } else {
        log.warn({ migration: id, step: record.step }, 'rolling back what an earlier agent left');
        await rollBack(source, paths);
      }
    }
    this.#count();
  }

  /** Whether a sandbox is that of a pod which runs elsewhere by now, or is about to. */
  hasLeft(sandboxId: string): boolean {
    return [...this.#all.values()].some(({ record: { step, details } }) => {
      return details.sandboxId === sandboxId && (step === 'Committed' || step === 'Released');
    });
  }

  get(id: string): SourceMigration {
    checkLabel('migration', id);
    const source = this.#all.get(id);
    if (source !== undefined) return source;
    const { node } = this.#parts.situation;
    throw new Fault(
      'MigrationNotFound',
      `${node} is not the source of a migration ${id}: it has ended here, or never began`,
    );
  }

  async prepare(request: PrepareSourceRequest__Output, signal: AbortSignal): Promise<SourceMigration> {
    const { runtime, situation } = this.#parts;
    const { data_address, token } = request;
    const plan = checkPlan(request.plan, 'source', situation.node);
    strategyOf(plan);
    if (this.#all.has(plan.id)) throw new Fault('MigrationInProgress', `${plan.id} is prepared here already`);
    const pod = await describePod(runtime, await findPod(runtime, plan.pod, situation.node, (id) => this.hasLeft(id)));
    for (const other of this.#all.values()) {
      if (other.record.details.sandboxId === pod.status.id) {
        throw new Fault('MigrationInProgress', `the pod is leaving already, by ${other.record.plan.id}`);
      }
    }
    const source = await prepareSource(this.#parts, { plan, pod, address: data_address, token }, signal);
    source.enter('Prepared');
    this.#all.set(plan.id, source);
    this.#count();
    this.#expire(source);
    return source;
  }

  /** What was committed stays: only the target's word can undo that. */
  #expire(source: SourceMigration): void {
    const { record } = source;
    source.cancelExpiry();
    source.cancelExpiry = expiry(record.plan, this.#parts.log, async () => {
      if (record.step !== 'Committed' && record.step !== 'Released') await this.rollBack(record.plan.id);
    });
  }

  async copyAhead(
    id: string,
    progress: (bytes: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<SourceMigration> {
    return await this.#step(id, signal, async (source, ends) => {
      await strategyOf(source.record.plan).copyAhead(source, progress, ends);
    });
  }

  /** The first time the pod is dumped for trial before: its object goes next. */
  async hold(request: HoldRequest__Output, signal: AbortSignal): Promise<Hold> {
    const source = this.get(request.migration);
    this.holds.check(source);
    if (!this.holds.all.some(({ plan }) => plan.id === request.migration)) {
      const { paths } = this.#parts;
      await this.#step(request.migration, signal, async (_, ends) => await rehearse(source, paths, ends));
    }
    return this.holds.hold(source, request);
  }

  async arm({ migration, target_ips, target_mac }: ArmRequest__Output, signal: AbortSignal): Promise<SourceMigration> {
    return await this.#step(migration, signal, async (source, ends) => {
      const plugged = this.#parts.situation.networkFeatures.includes('plug');
      const verbose = this.#parts.keptLogs.most > 0;
      if (source.record.step !== 'Prepared') return;
      if (isLazy(source.record.plan)) await openPages(source, this.#parts.pages, ends);
      await arm(source, { targetIps: target_ips, targetMac: target_mac, plugged, verbose }, ends);
    });
  }

  async freezeAndSend(
    id: string,
    enterPhase: (phase: Phase, bytesTotal?: number) => void,
    signal: AbortSignal,
  ): Promise<SourceMigration> {
    try {
      return await this.#step(id, signal, async (source, ends) => {
        const { plan, moments, details } = source.record;
        await strategyOf(plan).freezeAndSend(source, enterPhase, ends);
        metrics.observePhase(plan, 'Freezing', moments, 'freezing', 'frozen');
        metrics.observePhase(plan, 'Dumping', moments, 'frozen', 'dumped');
        metrics.observePhase(plan, 'Transferring', moments, 'dumped', 'sent');
        const bytes = source.live?.outbox.bytes ?? details.dumpedBytes;
        metrics.bytesMoved.inc({ direction: 'out', transport: plan.transport }, bytes);
      });
    } catch (error) {
      // The pod stands still: it does not wait for a word from a coordinator that may be cut off.
      if (this.#all.get(id)?.record.step === 'Frozen') await this.#rollBackAtOnce(id);
      throw error;
    }
  }

  /** What it cannot undo the coordinator asks for again. */
  async #rollBackAtOnce(id: string): Promise<void> {
    try {
      await this.rollBack(id);
    } catch (error) {
      this.#parts.log.error({ migration: id, err: error }, 'cannot roll back after a failed freeze');
    }
  }

  commit(id: string): SourceMigration {
    const source = this.get(id);
    commit(source);
    return source;
  }

  revoke(id: string): SourceMigration {
    const source = this.get(id);
    revoke(source);
    this.#expire(source);
    return source;
  }

  async rollBack(id: string): Promise<SourceMigration> {
    const source = this.get(id);
    // The coordinator, a deadline and a freeze that has failed may all want it at once.
    source.goesBack ??= this.#rollBack(source).finally(() => (source.goesBack = undefined));
    await source.goesBack;
    return source;
  }

  async #rollBack(source: SourceMigration): Promise<void> {
    await rollBack(source, this.#parts.paths);
    const { plan, details } = source.record;
    const isDone = plan.checkpoint !== null && details.receipt !== undefined;
    this.#ended(source, isDone ? 'Succeeded' : 'RolledBack', 'thawed');
  }

  async passTraffic(id: string, signal: AbortSignal): Promise<SourceMigration> {
    const source = this.get(id);
    await passTraffic(source, signal);
    this.#boundLinger(source);
    return source;
  }

  /** What the target still needs of a committed source. May be repeated. */
  async follow(
    id: string,
    progress: (bytes: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<SourceMigration> {
    const source = this.get(id);
    await strategyOf(source.record.plan).follow?.(source, progress, signal);
    return source;
  }

  /** @param tell called with what it still waits for */
  async linger(id: string, tell: (connections: Connections) => void, signal: AbortSignal): Promise<SourceMigration> {
    const source = this.get(id);
    await strategyOf(source.record.plan).follow?.(source, () => {}, signal);
    killEarly(source, this.#parts.paths);
    const pid = await this.#pidWithin(source);
    if (pid !== undefined) await linger(source, pid, tell, signal);
    return source;
  }

  async release(id: string, signal: AbortSignal): Promise<SourceMigration> {
    const source = this.get(id);
    const pid = await this.#pidWithin(source);
    if (pid !== undefined && source.passedAt !== undefined) await closeRest(source, pid, signal);
    const { paths, record } = source;
    const containers = new Map(record.details.containers.map(({ name }) => [name, paths.container(name)] as const));
    keepLogsOfSuccess(this.#parts.keptLogs, `${id}.source`, containers);
    await release(source, this.#parts, signal);
    this.#ended(source, 'Succeeded', 'killed');
    return source;
  }

  /** Of the sandbox's own process; undefined when the sandbox has gone, and all that led through it. */
  async #pidWithin({ record }: SourceMigration): Promise<number | undefined> {
    const { runtime } = this.#parts;
    const pods = await runtime.listPods();
    const pod = pods.find(({ id, state }) => id === record.details.sandboxId && state === 'ready');
    return pod && (await runtime.podStatus(pod.id)).pid;
  }

  /**
   * Connections do not outlive their limit, whether a coordinator comes back to say so or not. What kubelet has started
   * stays frozen until then: its object may still be there, and kubelet would start it again.
   */
  #boundLinger(source: SourceMigration): void {
    const ms = longestLingerMs(source.record.plan) + lingerMarginMs;
    if (source.limit !== undefined || ms > longestTimerMs) return;
    source.limit = setTimeout(() => void this.#endLinger(source), Math.max(0, (source.passedAt ?? now()) + ms - now()));
    source.limit.unref();
  }

  async #endLinger(source: SourceMigration): Promise<void> {
    const { plan } = source.record;
    if (this.#all.get(plan.id) !== source) return;
    const { log } = this.#parts;
    log.warn({ migration: plan.id }, 'no coordinator came to end the connections that lingered: they are ended now');
    const { signal } = new AbortController();
    try {
      await strategyOf(plan).follow?.(source, () => {}, signal);
      if (plan.target_pod === null) await this.release(plan.id, signal);
      else {
        const pid = await this.#pidWithin(source);
        if (pid !== undefined) await closeRest(source, pid, signal);
      }
    } catch (error) {
      log.error({ migration: plan.id, err: error }, 'could not end the connections that linger');
    }
  }

  /** One step at a time; a roll back aborts it and waits for its end. */
  async #step(
    id: string,
    signal: AbortSignal,
    act: (source: SourceMigration, ends: AbortSignal) => Promise<void>,
  ): Promise<SourceMigration> {
    const source = this.get(id);
    const acting = source.busy.then(async () => await act(source, AbortSignal.any([signal, source.abort.signal])));
    source.busy = acting.catch((error: unknown) => source.fault(Fault.from(error, 'Internal')));
    await acting;
    return source;
  }

  #ended(source: SourceMigration, outcome: string, last: string): void {
    const { plan, moments, fault } = source.record;
    source.cancelExpiry();
    clearTimeout(source.limit);
    source.pages?.stop();
    if (source.pages !== undefined)
      metrics.bytesMoved.inc({ direction: 'out', transport: plan.transport }, source.pages.sent);
    this.#all.delete(plan.id);
    metrics.sidesEnded.inc({ side: 'source', outcome, reason: fault?.reason ?? '' });
    metrics.observeFrozen(plan, outcome, moments, last);
    this.#count();
  }

  #count(): void {
    metrics.inFlight.set({ side: 'source' }, this.#all.size);
  }
}
