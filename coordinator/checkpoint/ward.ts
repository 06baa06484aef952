/** One PodCheckpoint in our care: from the object to a checkpoint, and from that to the object's status. */
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import { unlessGone } from '../agents/agent.ts';
import { Attendant, longestPauseMs } from '../resource/attendant.ts';
import type { Events, News, Subject } from '../resource/events.ts';
import type { Objects } from '../resource/objects.ts';
import { apiVersion } from '../resource/pod-migration.ts';
import type { Work } from './active.ts';
import { insist } from './course.ts';
import { erase } from './erase.ts';
import type { Leaving, Wish } from './examine.ts';
import {
  idOf,
  isBeingDeleted,
  type PodCheckpoint,
  podCheckpoints,
  stateOf,
  type Status,
  taskOf,
} from './pod-checkpoint.ts';
import { begunStatus, failedStatus, takenStatus } from './status.ts';
import { take, withLeft } from './take.ts';
import type { World } from './world.ts';

export interface Surroundings {
  world: World;
  objects: Objects<PodCheckpoint>;
  events: Pick<Events, 'tell'>;
  /** Nothing new from here on. */
  stopping: AbortSignal;
  /** And nothing at all. */
  closed: AbortSignal;
}

type Listener = (object: PodCheckpoint) => void;

export class Ward {
  readonly id: string;
  readonly #around: Surroundings;
  readonly #attendant: Attendant;
  readonly #log: Logger;
  readonly #listeners = new Set<Listener>();
  #object: PodCheckpoint;

  constructor(object: PodCheckpoint, around: Surroundings) {
    this.id = idOf(object);
    this.#object = object;
    this.#around = around;
    const { namespace, name } = object.metadata;
    this.#log = around.world.log.child({ migration: this.id, object: `${namespace}/${name}` });
    const failed = (error: unknown) => this.#log.warn({ err: error }, 'not possible now, tried again');
    this.#attendant = new Attendant(async () => await this.#do(), failed, around.closed);
  }

  get object(): PodCheckpoint {
    return this.#object;
  }

  get idle(): boolean {
    return !this.#attendant.busy && !this.#around.world.active.has(this.id);
  }

  /** As it is now, or was a moment ago: answers overtake what a watch says. */
  saw(object: PodCheckpoint): void {
    if (BigInt(object.metadata.resourceVersion) >= BigInt(this.#object.metadata.resourceVersion)) this.#object = object;
    for (const listener of this.#listeners) listener(this.#object);
    this.attend();
  }

  attend(): void {
    this.#attendant.attend();
  }

  /** Somebody took our hold away: a wish to end it, too. */
  gone(): void {
    this.#cancel();
    this.#attendant.close();
    const metadata = { ...this.#object.metadata, deletionTimestamp: new Date().toISOString() };
    this.#object = { ...this.#object, metadata };
    for (const listener of this.#listeners) listener(this.#object);
  }

  close(): void {
    this.#attendant.close();
  }

  /** @returns what ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #do(): Promise<number | undefined> {
    const { world, objects, stopping, closed } = this.#around;
    const task = taskOf(this.#object, objects.isHeld(this.#object), world.active.has(this.id));
    switch (task) {
      case 'none':
        return undefined;
      case 'start':
        return stopping.aborted ? undefined : await this.#start();
      case 'settle':
        return stopping.aborted ? undefined : this.#settle();
      case 'cancel':
        this.#cancel();
        return undefined;
      case 'erase':
        if (world.active.isRead(this.id)) return longestPauseMs;
        if (this.#object.status?.checkpointLocation !== undefined) {
          await erase(world.agents, this.id, this.#object.status.nodeName ?? '', closed);
          this.#log.info('its files are gone');
        }
        this.#now(await objects.letGo(this.#object, closed));
        return undefined;
    }
  }

  async #start(): Promise<undefined> {
    const { world, objects, closed } = this.#around;
    if (!objects.isHeld(this.#object)) this.#now(await objects.hold(this.#object, closed));
    const { metadata, spec } = this.#object;
    const { name: pod, uid = '' } = spec.sourcePod;
    const wish = { id: this.id, namespace: metadata.namespace, pod, uid, timeoutMs: spec.timeoutSeconds * 1_000 };
    world.active.begin(this.id, async (work) => await this.#take(wish, work));
  }

  async #take(wish: Wish, work: Work): Promise<void> {
    const { world } = this.#around;
    const outcome = await take(wish, world, work, async (leaving) => await this.#begun(leaving, work.stop));
    if ('fault' in outcome) return await this.#fail(outcome.fault, outcome.isGone, work.halt);
    const { freezeMs } = outcome.taken;
    if (await this.#write(takenStatus(this.id, outcome.taken), work.halt)) {
      this.#tell({ type: 'Normal', reason: 'CheckpointCompleted', message: `frozen for ${Math.round(freezeMs)} ms` });
      return;
    }
    // Somebody took our hold away, and nobody will ask for its end any more.
    const clear = async () => await erase(world.agents, this.id, '', work.halt);
    await insist(clear, world.patience, world.patience.rollBackMs, work.halt);
  }

  async #begun({ pod, plan, ownerLabels }: Leaving, signal: AbortSignal): Promise<void> {
    const node = plan.source_node;
    const { forwardMs } = this.#around.world.patience;
    if (!(await this.#write(begunStatus(this.id, node, pod, ownerLabels), signal, forwardMs))) {
      throw new Fault('Cancelled', 'its PodCheckpoint is gone');
    }
    this.#tell({ type: 'Normal', reason: 'CheckpointInProgress', message: `${this.id} on ${node}` });
  }

  /** What an earlier coordinator was in the middle of is taken back, whatever the agents still know of it. */
  #settle(): undefined {
    const { world } = this.#around;
    const { agents, patience } = world;
    const node = this.#object.status?.nodeName ?? '';
    world.active.begin(this.id, async ({ halt, at }) => {
      at(node);
      const left: string[] = [];
      const ask = async () =>
        await agents.get(node).call('RollBackSource', { migration: this.id }, halt).catch(unlessGone);
      const note = (error: unknown) => {
        halt.throwIfAborted();
        left.push((error as Error).message);
      };
      await insist(ask, patience, patience.rollBackMs, halt).catch(note);
      const clear = async () => await erase(agents, this.id, node, halt);
      await insist(clear, patience, patience.rollBackMs, halt).catch(note);
      const why = new Fault('CoordinatorRestarted', 'the coordinator was started anew before it had ended');
      await this.#fail(left.length === 0 ? why : withLeft(why, left), left.length === 0, halt);
    });
    return undefined;
  }

  #cancel(): void {
    this.#around.world.active.stop(this.id, new Fault('Cancelled', 'its PodCheckpoint was deleted'));
  }

  async #fail(fault: Fault, isGone: boolean, signal: AbortSignal): Promise<void> {
    this.#log.info({ reason: fault.reason }, `no checkpoint: ${fault.message}`);
    await this.#write(failedStatus(fault, isGone), signal);
    this.#tell({ type: 'Warning', reason: fault.reason, message: fault.message });
  }

  /**
   * However long it takes, unless told: what it says is all that is known of the files.
   * @returns whether it is there
   */
  async #write(status: Status, signal: AbortSignal, limitMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    const { world, objects, closed } = this.#around;
    const ends = AbortSignal.any([signal, closed]);
    let failures = 0;
    const failed = (error: unknown) => {
      failures += 1;
      if (failures === 1) this.#log.warn({ err: error }, 'the status could not be written, tried again');
      return true;
    };
    const write = async () => await objects.writeStatus(this.#object, status, closed);
    return this.#now(await insist(write, world.patience, limitMs, ends, failed));
  }

  #tell(news: News): void {
    const { metadata, spec, status } = this.#object;
    const { namespace, name, uid } = metadata;
    const subject: Subject = { apiVersion, kind: podCheckpoints.kind, namespace, name, uid };
    this.#around.events.tell(subject, news);
    if (status?.sourcePodUID === undefined) return;
    const pod = { apiVersion: 'v1', kind: 'Pod', namespace, name: spec.sourcePod.name, uid: status.sourcePodUID };
    this.#around.events.tell(pod, news);
  }

  /** @returns whether it is there */
  #now(object: PodCheckpoint | undefined): boolean {
    if (object !== undefined) this.saw(object);
    return object !== undefined;
  }
}

/** It has come to an end, whatever that is. */
export function isOver(object: PodCheckpoint): boolean {
  const state = stateOf(object);
  return state === 'ready' || state === 'failed' || isBeingDeleted(object);
}
