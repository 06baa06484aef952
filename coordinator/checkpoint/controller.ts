/** Checkpoints by way of objects: whoever makes a PodCheckpoint asks for one, gRPC callers included. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../proto/fault.ts';
import { apiFault, statusOf } from '../cluster/kubernetes/client.ts';
import { Events } from '../resource/events.ts';
import { Objects } from '../resource/objects.ts';
import { watchObjects } from '../resource/watch.ts';
import { examine } from './examine.ts';
import { type PodCheckpoint, podCheckpoints, type Spec } from './pod-checkpoint.ts';
import { type Surroundings, Ward } from './ward.ts';
import type { World } from './world.ts';

/** With five letters behind it, which the API server chooses, a name is still one. */
const longestStem = 200;

export interface Asked {
  namespace: string;
  pod: string;
  uid: string;
  /** Of the object; empty: the API server makes one from the pod's. */
  name: string;
  timeoutMs: number;
}

export class Controller {
  readonly #around: Surroundings & { events: Events };
  readonly #wards = new Map<string, Ward>();
  readonly #stopping = new AbortController();
  readonly #closed = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  constructor(world: World) {
    this.#around = {
      world,
      objects: new Objects<PodCheckpoint>(world.kubernetes, podCheckpoints),
      events: new Events(world.kubernetes.core, world.log, this.#closed.signal),
      stopping: this.#stopping.signal,
      closed: this.#closed.signal,
    };
    world.active.onEnd = (id) => [...this.#wards.values()].find((ward) => ward.id === id)?.attend();
  }

  get all(): readonly PodCheckpoint[] {
    return [...this.#wards.values()].map(({ object }) => object);
  }

  /** After the agents have been asked what they hold, as that of migrations. */
  start(): void {
    const { objects, world } = this.#around;
    const listener = {
      listed: (all: readonly PodCheckpoint[]) => {
        const there = new Set(all.map(({ metadata }) => metadata.uid));
        for (const uid of this.#wards.keys()) if (!there.has(uid)) this.#gone(uid);
        for (const object of all) this.#seen(object);
      },
      seen: (object: PodCheckpoint) => void this.#seen(object),
      gone: ({ metadata }: PodCheckpoint) => this.#gone(metadata.uid),
    };
    const source = { path: objects.path, list: async (signal: AbortSignal) => await objects.list(signal) };
    this.#watching = watchObjects(world.kubernetes.config, source, listener, world.log, this.#closed.signal);
  }

  /** For a gRPC caller: what is refused leaves no object. @throws Fault */
  async intake(
    { namespace, pod, uid, name, timeoutMs }: Asked,
    annotations: Record<string, string>,
    gone: AbortSignal,
  ): Promise<Ward> {
    const { world, objects, closed, stopping } = this.#around;
    stopping.throwIfAborted();
    const holder = world.queue.holder(`${namespace}/${pod}`);
    if (holder !== undefined) {
      throw new Fault('MigrationInProgress', `pod ${namespace}/${pod} is in the hands of ${holder}: wait for it`);
    }
    const { plan } = await examine({ id: 'ckp-asked', namespace, pod, uid, timeoutMs }, world, gone);
    const spec: Spec = {
      // Nobody else that comes to have its name is meant.
      sourcePod: { name: pod, uid: plan.pod?.uid ?? '' },
      timeoutSeconds: Math.ceil(timeoutMs / 1_000),
    };
    const called = name === '' ? { generateName: `${pod.slice(0, longestStem)}-` } : { name };
    try {
      return this.#seen(await objects.create(namespace, called, annotations, spec, closed));
    } catch (error) {
      if (statusOf(error) === 409) {
        throw new Fault('InvalidArgument', `there is a PodCheckpoint ${namespace}/${name} already: take another name`);
      }
      const hint = statusOf(error) === 404 ? ' (has charts/podferry/files/crds been applied?)' : '';
      throw apiFault(error, `making a PodCheckpoint in ${namespace}${hint}`);
    }
  }

  /** @throws Fault CheckpointNotFound */
  find(namespace: string, name: string): Ward {
    const isThat = ({ object: { metadata } }: Ward) => metadata.namespace === namespace && metadata.name === name;
    const ward = [...this.#wards.values()].find(isThat);
    if (ward !== undefined) return ward;
    throw new Fault(
      'CheckpointNotFound',
      `there is no PodCheckpoint ${namespace}/${name}: "kubectl get pcp" lists them`,
    );
  }

  async delete(namespace: string, name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#around.objects.delete(namespace, name, signal);
    } catch (error) {
      if (statusOf(error) !== 404) throw apiFault(error, `deleting PodCheckpoint ${namespace}/${name}`);
      throw new Fault('CheckpointNotFound', `there is no PodCheckpoint ${namespace}/${name}`);
    }
  }

  /** Takes up nothing more. */
  stop(): void {
    this.#stopping.abort(new Fault('NodeNotReady', 'the coordinator is shutting down: try again when it is back'));
  }

  /** @param graceMs for what is still to be written; whoever starts next writes the rest */
  async close(graceMs: number): Promise<void> {
    this.stop();
    const until = performance.now() + graceMs;
    const busy = () => !this.#around.events.idle || [...this.#wards.values()].some((ward) => !ward.idle);
    while (performance.now() < until && busy()) await sleep(20);
    this.#closed.abort(new Fault('Cancelled', 'the coordinator is shutting down'));
    for (const ward of this.#wards.values()) ward.close();
    await this.#watching;
  }

  #seen(object: PodCheckpoint): Ward {
    const { uid } = object.metadata;
    const known = this.#wards.get(uid);
    if (known !== undefined) {
      known.saw(object);
      return known;
    }
    const ward = new Ward(object, this.#around);
    this.#wards.set(uid, ward);
    ward.attend();
    return ward;
  }

  #gone(uid: string): void {
    this.#wards.get(uid)?.gone();
    this.#wards.delete(uid);
  }
}
