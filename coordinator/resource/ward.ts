/** One PodMigration in our care: from the object to a migration, and from the migration to the object's status. */
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { isEnd, type EndPhase, type Phase, phases } from '../../proto/phases.ts';
import type { Agents } from '../agents/agents.ts';
import type { Migrations } from '../migration/migrations.ts';
import type { MigrationRecord, Outcome } from '../migration/record.ts';
import { readRequest } from '../request.ts';
import { Mirror } from './mirror.ts';
import { Announcer } from './announce.ts';
import { Attendant, longestPauseMs } from './attendant.ts';
import type { Events } from './events.ts';
import type { Objects } from './objects.ts';
import {
  hasEnded,
  idOf,
  isBeingDeleted,
  isHeld,
  keepsName,
  keepsNameLabel,
  type PodMigration,
  requestOf,
} from './pod-migration.ts';
import type { Pods } from './pods.ts';
import { goesIn, type Known, settle, taskOf } from './task.ts';
import { amendedStatus, endedStatus, statusOf } from './status.ts';

export interface Surroundings {
  objects: Objects<PodMigration>;
  pods: Pods;
  events: Pick<Events, 'tell' | 'idle'>;
  migrations: Migrations;
  agents: Agents;
  log: Logger;
  /** Nothing new from here on. */
  stopping: AbortSignal;
  /** And nothing at all. */
  closed: AbortSignal;
}

/** A timer takes no more than 24 days. */
const longestSleepMs = 86_400_000;

export class Ward {
  readonly id: string;
  /** Resolves when its migration is under way, rejects when that was refused. */
  readonly begun = Promise.withResolvers<MigrationRecord>();
  readonly #around: Surroundings;
  readonly #mirror: Mirror;
  readonly #announcer: Announcer;
  readonly #attendant: Attendant;
  readonly #log: Logger;
  /** It was over for all who watch when we first saw it: its status stays. */
  readonly #wasOver: boolean;
  #object: PodMigration;
  #preflight: AbortController | undefined;
  #cancelled = false;
  #following = false;
  #message: string | undefined;

  constructor(object: PodMigration, around: Surroundings) {
    this.id = idOf(object);
    this.#object = object;
    this.#wasOver = hasEnded(object);
    this.#around = around;
    const { namespace, name } = object.metadata;
    this.#announcer = new Announcer(around.events, object);
    this.#log = around.log.child({ migration: this.id, object: `${namespace}/${name}` });
    this.#mirror = new Mirror(
      async (migration) => await this.#write(migration),
      (error, times) => times === 1 && this.#log.warn({ err: error }, 'the status could not be written, tried again'),
    );
    this.#attendant = new Attendant(
      async () => await this.#do(),
      (error) => this.#log.warn({ err: error }, 'not possible now, tried again'),
      around.closed,
    );
    this.begun.promise.catch(() => {});
  }

  /** Nothing is to be done, as far as is known. */
  get idle(): boolean {
    return this.#mirror.idle && !this.#attendant.busy && this.#task() !== 'letGo';
  }

  /** As it is now, or was a moment ago: answers overtake what a watch says. */
  saw(object: PodMigration): void {
    if (BigInt(object.metadata.resourceVersion) >= BigInt(this.#object.metadata.resourceVersion)) this.#object = object;
    this.attend();
  }

  /** The object is gone, though we held it: somebody took our hold away. That is a wish to end it, too. */
  gone(): void {
    this.#mirror.close();
    this.#attendant.close();
    const why = deleted();
    this.#preflight?.abort(why);
    this.begun.reject(why);
    this.#cancel();
  }

  /** Something has become of its migration. Returns at once. */
  told(migration: Migration): void {
    if (this.#wasOver && !isEnd(migration.phase as Phase)) return;
    // The end is told of when it is written: by then the target's object is known.
    if (!isEnd(migration.phase as Phase)) this.#announcer.told(this.#object, undefined, migration);
    // Deleted too late to take it back, but nobody is to wait for its connections.
    const { migrations } = this.#around;
    if (isBeingDeleted(this.#object) && migrations.isActive(this.id) && migrations.get(this.id).keepsConnections)
      migrations.cancel(this.id, deleted());
    this.#mirror.offer(migration);
  }

  /** Does what is due, after what is being done. */
  attend(): void {
    if (this.#around.closed.aborted) return;
    if (this.#preflight !== undefined && isBeingDeleted(this.#object)) this.#preflight.abort(deleted());
    this.#attendant.attend();
  }

  close(): void {
    this.#attendant.close();
    this.#mirror.close();
    this.begun.reject(new Fault('NodeNotReady', 'the coordinator is shutting down: the next one takes it up'));
  }

  #task() {
    const { migrations } = this.#around;
    const record = migrations.records.find(({ plan }) => plan.id === this.id);
    const active = migrations.isActive(this.id);
    const known: Known = record === undefined ? 'nothing' : active ? 'active' : 'ended';
    return taskOf(this.#object, known);
  }

  /** @returns when to look again although nothing may have happened */
  async #do(): Promise<number | undefined> {
    const { objects, stopping, closed } = this.#around;
    const task = this.#task();
    switch (task) {
      case 'none':
        return stopping.aborted || isBeingDeleted(this.#object) ? undefined : await this.#expire();
      case 'start':
        return stopping.aborted ? undefined : await this.#start();
      case 'settle':
        return stopping.aborted ? undefined : await this.#settle();
      case 'follow':
      case 'cancel':
        this.#follow();
        if (task === 'cancel') this.#cancel();
        return undefined;
      case 'drop':
        await this.#end('RolledBack', { reason: 'Cancelled', message: 'it was deleted before it was begun' });
        return undefined;
      case 'letGo':
        this.#now(await objects.letGo(this.#object, closed));
        return undefined;
      case 'freeName':
        return await this.#freeName();
    }
  }

  /** Of one that is over: gone when its time is. */
  async #expire(): Promise<number | undefined> {
    const { objects, closed } = this.#around;
    const left = goesIn(this.#object, Date.now());
    if (left !== 0) return left === undefined ? undefined : Math.min(left, longestSleepMs);
    await objects.remove(this.#object, closed);
    return undefined;
  }

  async #start(): Promise<undefined> {
    const { objects, migrations, stopping, closed } = this.#around;
    if (!isHeld(this.#object)) this.#now(await objects.hold(this.#object, closed));
    const preflight = new AbortController();
    this.#preflight = preflight;
    try {
      const wish = readRequest(requestOf(this.#object));
      const record = await migrations.start(wish, AbortSignal.any([stopping, preflight.signal]), this.id);
      this.begun.resolve(record);
      this.#follow();
    } catch (error) {
      if (stopping.aborted) return;
      const { reason, message } = Fault.from(error, 'Internal');
      this.#log.info({ reason }, `refused: ${message}`);
      await this.#end(reason === 'Cancelled' ? 'RolledBack' : 'Failed', { reason, message });
      this.begun.reject(error);
    } finally {
      this.#preflight = undefined;
    }
  }

  /** From now on told() hears of it; this is what was before. */
  #follow(): void {
    const { migrations } = this.#around;
    const record = migrations.get(this.id);
    this.begun.resolve(record);
    if (this.#following || (record.ended && hasEnded(this.#object))) return;
    this.#following = true;
    this.told(record.snapshot());
  }

  #cancel(): void {
    const { migrations } = this.#around;
    if (this.#cancelled || !migrations.isActive(this.id)) return;
    this.#cancelled = true;
    try {
      migrations.cancel(this.id, deleted());
    } catch (error) {
      const { reason, message } = Fault.from(error, 'Internal');
      this.#message = `too late to cancel: ${message}; the object is deleted when it has ended`;
      this.#announcer.warn(this.#object, reason, this.#message);
      this.told(migrations.get(this.id).snapshot());
    }
  }

  /** Only when both nodes have been asked: what an absent one knows may be all that there is. */
  async #settle(): Promise<number | undefined> {
    const { pods, closed } = this.#around;
    const { status = {} } = this.#object;
    if (this.#isNodeAbsent()) return longestPauseMs;
    if (keepsName(this.#object)) await this.#freeName();
    const { phase, outcome } = settle(status, await pods.remains(this.#object, closed));
    await this.#end(phase, outcome);
    return undefined;
  }

  async #freeName(): Promise<number | undefined> {
    const { objects, closed } = this.#around;
    if (this.#isNodeAbsent()) return longestPauseMs;
    this.#now(await objects.unlabel(this.#object, keepsNameLabel, closed));
    return undefined;
  }

  #isNodeAbsent(): boolean {
    const { agents } = this.#around;
    const { nodeName, targetNode } = this.#object.status ?? {};
    return [nodeName, targetNode].some((node) => node !== undefined && agents.isAway(node));
  }

  /** Without a migration of ours that could be mirrored. */
  async #end(phase: EndPhase, outcome: Outcome | undefined): Promise<void> {
    const { objects, closed } = this.#around;
    const status = endedStatus(this.id, phase, outcome, this.#object.status);
    this.#now(await objects.writeStatus(this.#object, status, closed));
    this.#announcer.ended(this.#object, phase, outcome);
  }

  async #write(migration: Migration): Promise<boolean> {
    const { objects, pods, closed } = this.#around;
    const { status } = this.#object;
    if (this.#wasOver && status !== undefined) {
      return this.#now(await objects.writeStatus(this.#object, amendedStatus(status, migration), closed));
    }
    const known = status?.targetPod?.uid !== undefined;
    const made = phases.indexOf(migration.phase as Phase) >= phases.indexOf('PreCopying');
    const targetPodUid = known || !made ? undefined : await pods.targetUid(migration, closed);
    const next = statusOf(migration, status, { targetPodUid, message: this.#message });
    const there = this.#now(await objects.writeStatus(this.#object, next, closed));
    this.#announcer.told(this.#object, next.targetPod?.uid, migration);
    return there;
  }

  /** @returns whether it is there */
  #now(object: PodMigration | undefined): boolean {
    if (object === undefined) return false;
    this.saw(object);
    return true;
  }
}

function deleted(): Fault {
  return new Fault('Cancelled', 'its PodMigration was deleted');
}
