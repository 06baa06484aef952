/** The migrations that arrive at this node, and the steps that can be asked of them. */
import type { AwaitTargetPodRequest__Output } from '../../proto/gen/podferry/v1/AwaitTargetPodRequest.ts';
import type { DiscardRequest__Output } from '../../proto/gen/podferry/v1/DiscardRequest.ts';
import type { PrepareTargetRequest__Output } from '../../proto/gen/podferry/v1/PrepareTargetRequest.ts';
import { Fault } from '../../proto/fault.ts';
import { halfOf } from '../../proto/half.ts';
import type { AgentParts } from '../agent.ts';
import { expiry } from '../journal/expiry.ts';
import { keepLogsOfSuccess } from '../journal/keep.ts';
import { undoAll } from '../journal/planted.ts';
import { closeJournal, decide, decision, listJournals, openJournal, readRecord } from '../journal/record.ts';
import * as metrics from '../metrics.ts';
import { checkLabel } from '../paths.ts';
import { checkManifest, checkPlan } from '../plan.ts';
import { awaitTargetPod, gaveUp } from './await-pod.ts';
import { createTargetPod } from './create-pod.ts';
import { discard, expire, finish, giveUp } from './end.ts';
import { prepareStaging } from './prepare.ts';
import { sinkOf } from './receive.ts';
import { unhush } from './hush.ts';
import { Filling } from './lazy-pages.ts';
import { restore } from './restore.ts';
import { isLazy } from '../source/source.ts';
import { silenceTarget, speak } from './silence.ts';
import { TargetMigration, type TargetRecord } from './target.ts';

export class Targets {
  readonly #parts: AgentParts;
  readonly #all = new Map<string, TargetMigration>();

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#count();
  }

  get all(): ReadonlyMap<string, TargetMigration> {
    return this.#all;
  }

  /** After a restart: the wrapper waits on, so everything is as it was, but for a transfer that was under way. */
  async takeUp(): Promise<void> {
    const { paths } = this.#parts;
    for (const id of listJournals(paths.targets)) {
      const side = paths.target(id);
      const record = readRecord<TargetRecord>(side);
      if (record === undefined) {
        await undoAll(side);
        closeJournal(side);
        continue;
      }
      const target = new TargetMigration(side, record);
      if (decision(side) === 'go' && record.step === 'Waiting') target.enter('Going');
      this.#all.set(id, target);
      if (isLazy(record.plan)) await this.#fill(target);
      this.#expire(target);
      if (target.record.step !== 'Running') continue;
      await unhush(target);
      this.#speak(target);
    }
    this.#count();
  }

  get(id: string): TargetMigration {
    checkLabel('migration', id);
    const target = this.#all.get(id);
    if (target !== undefined) return target;
    const { node } = this.#parts.situation;
    throw new Fault(
      'MigrationNotFound',
      `${node} is not the target of a migration ${id}: it has ended here, or never began`,
    );
  }

  async prepare(request: PrepareTargetRequest__Output): Promise<{ target: TargetMigration; token: string }> {
    const { paths, log, situation } = this.#parts;
    const plan = checkPlan(request.plan, 'target', situation.node);
    const manifest = checkManifest(request.manifest);
    const side = paths.target(plan.id);
    if (this.#all.has(plan.id)) throw new Fault('MigrationInProgress', `${plan.id} is prepared here already`);
    const isCopy = halfOf(plan) === 'copy';
    if (isCopy) this.#parts.checkpoints();
    const transport = isCopy ? undefined : this.#parts.transport(plan);
    openJournal(side);
    const memory = isLazy(plan) ? { memory: { secret: '', state: 'owed' as const } } : {};
    const link = { netns: '', device: '', mac: '' };
    const details = { manifest, sandboxId: '', podIps: [], ...link, sealed: false, keptImages: '', ...memory };
    const target = new TargetMigration(side, { plan, step: 'Prepared', moments: [], fault: null, details });
    this.#all.set(plan.id, target);
    this.#count();
    target.save();
    this.#expire(target);
    await target.during(prepareStaging(target));
    await target.during(silenceTarget(target));
    if (isLazy(plan)) await this.#fill(target);
    target.abort.signal.throwIfAborted();
    // Nobody sends: it is fetched when its turn has come.
    if (transport === undefined) return { target, token: '' };
    const grant = { migration: plan.id, peer: plan.source_node, validMs: plan.wait_deadline_ms };
    const inbox = transport.expect(grant, sinkOf(target));
    target.closeInbox = (why) => void inbox.abort(why ?? new Fault('Cancelled', `${plan.id} has ended at its target`));
    inbox.done.then(
      ({ bytes }) => {
        metrics.bytesMoved.inc({ direction: 'in', transport: plan.transport }, bytes);
      },
      (error: unknown) => log.info({ migration: plan.id, err: error }, 'the transfer has ended'),
    );
    return { target, token: inbox.token };
  }

  async createPod(id: string, signal: AbortSignal): Promise<TargetMigration> {
    const target = this.get(id);
    if (target.isOfKubelet) throw new Fault('InvalidArgument', `the pod of ${id} is kubelet's to start`);
    if (target.record.step === 'Waiting') return target;
    const ends = AbortSignal.any([signal, target.abort.signal]);
    ends.throwIfAborted();
    await target.during(createTargetPod(this.#parts, target, ends));
    target.enter('Waiting');
    for (const start of target.starts.values()) void start.then((fault) => this.#gaveUp(target, fault));
    return target;
  }

  async awaitPod({ migration, uid }: AwaitTargetPodRequest__Output, signal: AbortSignal): Promise<TargetMigration> {
    const target = this.get(migration);
    if (!target.isOfKubelet) throw new Fault('InvalidArgument', `the pod of ${migration} is not kubelet's to start`);
    if (target.record.step === 'Waiting') return target;
    const ends = AbortSignal.any([signal, target.abort.signal]);
    ends.throwIfAborted();
    await target.during(awaitTargetPod(this.#parts.runtime, target, uid, ends));
    target.enter('Waiting');
    gaveUp(target).then(
      () => this.#gaveUp(target, new Fault('TargetPrepareFailed', 'the wrapper has given up')),
      () => {},
    );
    return target;
  }

  /** What a checkpoint holds, into the pod that waits for it. */
  async receive(id: string, signal: AbortSignal): Promise<TargetMigration> {
    const target = this.get(id);
    const { plan, step, details } = target.record;
    if (plan.checkpoint === null) throw new Fault('InvalidArgument', `${id} is sent what it needs by its source`);
    if (details.sealed) return target;
    if (step !== 'Waiting') throw new Fault('TransferFailed', `nothing waits for a checkpoint here: ${id} is ${step}`);
    const ends = AbortSignal.any([signal, target.abort.signal]);
    ends.throwIfAborted();
    const stored = await this.#parts.checkpoints().open(plan.checkpoint);
    const replayed = stored.replay(sinkOf(target), ends);
    await target.during(replayed.then(() => {}));
    const { bytes } = await replayed;
    metrics.bytesMoved.inc({ direction: 'in', transport: plan.transport }, bytes);
    return target;
  }

  /** A start that ends before the go: the source hears of it at once, and not when it has committed. */
  #gaveUp(target: TargetMigration, fault: Fault | undefined): void {
    if (decision(target.paths) !== undefined) return;
    const why = `nothing waits on ${this.#parts.situation.node} any more: ${fault?.message ?? 'the container has started'}`;
    this.#parts.log.warn({ migration: target.record.plan.id }, why);
    target.closeInbox(new Fault('TargetPrepareFailed', why));
  }

  async restore(id: string, signal: AbortSignal): Promise<TargetMigration> {
    const target = this.get(id);
    if (await this.#isGivenUp(target)) decide<'go' | 'abort'>(target.paths, 'abort');
    await restore(this.#parts, target, signal);
    const { step, plan, moments } = target.record;
    if (step === 'Running') this.#speak(target);
    if (step === 'Running') metrics.observePhase(plan, 'Restoring', moments, 'go', 'running');
    return target;
  }

  /**
   * Of a start that an earlier life of this agent had asked for: when the process that did it for the agent has died
   * too, the runtime has given it up, and CRIU, which still waits, would restore processes that nobody looks after.
   */
  async #isGivenUp({ starts, record: { details } }: TargetMigration): Promise<boolean> {
    if (starts.size > 0 || details.sandboxId === '') return false;
    const containers = await this.#parts.runtime.listContainers(details.sandboxId);
    return containers.some(({ state }) => state === 'exited');
  }

  /** Nobody waits for it: what is held at the source finds its way without. Where it fails the finish tries again. */
  #speak(target: TargetMigration): void {
    const { id } = target.record.plan;
    const speaking = speak(target).catch((error: unknown) =>
      this.#parts.log.warn({ migration: id, err: error }, 'nobody could be told where the address is'),
    );
    void target.during(speaking);
  }

  async finish(id: string): Promise<TargetMigration> {
    const target = this.get(id);
    await target.busy;
    const containers = new Map(target.containers.map(({ manifest, paths }) => [manifest.name, paths] as const));
    keepLogsOfSuccess(this.#parts.keptLogs, `${id}.target`, containers);
    await finish(target);
    this.#ended(target, 'Succeeded');
    target.record.step = 'Finished';
    return target;
  }

  async discard({ migration, keep_images, pod_is_gone }: DiscardRequest__Output): Promise<TargetMigration> {
    const { runtime, paths } = this.#parts;
    const target = this.get(migration);
    if (target.isOfKubelet && !pod_is_gone) {
      giveUp(target);
      return target;
    }
    await discard(target, runtime, paths, keep_images);
    this.#ended(target, target.record.fault === null ? 'RolledBack' : 'Failed');
    return target;
  }

  /**
   * Where no coordinator comes back, nothing stays that could do anything. A target that has got its go is never
   * touched. One that the source may have committed to leaves its word that nothing of the pod ran here or will:
   * without that nobody could thaw the source any more.
   */
  #expire(target: TargetMigration): void {
    const { plan, details } = target.record;
    target.cancelExpiry = expiry(plan, this.#parts.log, async () => {
      if (decision(target.paths) === 'go') return;
      // Kubelet would start its container again and again; what is left refuses that until the pod object is gone.
      if (details.sealed || target.isOfKubelet) await expire(target, this.#parts.runtime);
      else await this.discard({ migration: plan.id, keep_images: false, pod_is_gone: false });
    });
  }

  async #fill(target: TargetMigration): Promise<void> {
    target.filling = new Filling(target, this.#parts.pages);
    await target.filling.begin();
  }

  #ended(target: TargetMigration, outcome: string): void {
    const { plan, fault } = target.record;
    target.cancelExpiry();
    target.filling?.end();
    if (target.filling !== undefined)
      metrics.bytesMoved.inc({ direction: 'in', transport: plan.transport }, target.filling.received);
    this.#all.delete(plan.id);
    metrics.sidesEnded.inc({ side: 'target', outcome, reason: fault?.reason ?? '' });
    this.#count();
  }

  #count(): void {
    metrics.inFlight.set({ side: 'target' }, this.#all.size);
  }
}
