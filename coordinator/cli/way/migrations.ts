/**
 * Migrations by way of the API server alone: asking for one is making a PodMigration, its status tells how it goes, and
 * deleting it is how to cancel. Whoever may do that with kubectl needs nothing else, and no way to the coordinator.
 */
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { Fault, type Reason } from '../../../proto/fault.ts';
import type { MigrateRequest } from '../../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Migration__Output as Migration } from '../../../proto/gen/podferry/v1/Migration.ts';
import type { MigrationEvent__Output as MigrationEvent } from '../../../proto/gen/podferry/v1/MigrationEvent.ts';
import { bounded } from '../../cluster/kubernetes/client.ts';
import { readRequest } from '../../request.ts';
import { hasEnded, idOf, type PodMigration, podMigrations, specOf } from '../../resource/pod-migration.ts';
import type { Change } from './changes.ts';
import { isMoved } from '../progress.ts';
import { Unreachable } from './connection.ts';
import { isRefused, isTakenUp, messageOf, toMigration } from './migration.ts';
import { Objects } from './objects.ts';

/** With five letters behind it, which the API server chooses, a name is still one. */
const longestStem = 200;
/** A coordinator that is there has it in its hands within a moment; one that starts anew needs to be elected first. */
export const takeUpMs = 20_000;

/** What is looked at: all that may be seen, or one namespace. */
export interface Scope {
  /** The namespace that was asked for. Undefined: all, or this one when no more may be seen. */
  asked: string | undefined;
  own: string;
}

export class MigrationObjects {
  readonly #objects: Objects<PodMigration>;
  readonly #core: CoreV1Api;
  readonly #scope: Scope;
  readonly #takeUpMs: number;
  /** Asked for, not committed yet, and not to go on without us. */
  readonly #ours = new Map<string, PodMigration>();
  /** Those that are being cancelled: they may be gone before anybody asks for their end. */
  readonly #cancelled = new Map<string, AsyncGenerator<Change<PodMigration>>>();
  readonly #closing = new AbortController();

  constructor(config: KubeConfig, scope: Scope, patienceMs = takeUpMs) {
    this.#objects = new Objects<PodMigration>(config, podMigrations);
    this.#core = config.makeApiClient(CoreV1Api);
    this.#scope = scope;
    this.#takeUpMs = patienceMs;
  }

  async *migrate(request: MigrateRequest, signal: AbortSignal): AsyncGenerator<MigrationEvent> {
    const { pod = null, detach = false } = request;
    const whole = {
      strategy: 'auto' as const,
      transport: 'stream' as const,
      timeout_ms: 0,
      freeze_timeout_ms: 0,
      target_node: '',
      network: 'NETWORK_UNSPECIFIED' as const,
      ...request,
      pod: { namespace: pod?.namespace || 'default', name: pod?.name ?? '', uid: pod?.uid ?? '' },
      detach,
    };
    // As sent over gRPC it would be the coordinator that says no, before anything is made.
    const { namespace, name, uid } = readRequest(whole as Parameters<typeof readRequest>[0]).pod;
    const { sourcePod, ...spec } = specOf(whole as Parameters<typeof specOf>[0], uid);
    const called = { generateName: `${name.slice(0, longestStem)}-` };
    const object = await this.#objects.create(namespace, called, {
      ...spec,
      sourcePod: { name: sourcePod.name, ...(uid !== '' && { uid }) },
    });
    const id = idOf(object);
    if (!detach) this.#ours.set(id, object);
    try {
      for await (const now of this.#course(this.#changesOf(object, signal), object)) {
        if (isRefused(now)) {
          await this.#objects.delete(now.metadata).catch(() => {});
          throw refusal(now);
        }
        // Past the commit nothing can be taken back.
        if (now.status?.committed === true || hasEnded(now)) this.#ours.delete(id);
        // Till its turn has come or it is refused there is nothing to tell, as over gRPC.
        if (now.status?.phase !== undefined) yield await this.#eventOf(now);
      }
    } catch (error) {
      if (!(error instanceof Neglected)) throw error;
      this.#ours.delete(id);
      await this.#objects.delete(object.metadata).catch(() => {});
      throw neglected(namespace, error);
    }
  }

  async get(id: string): Promise<Migration> {
    return (await this.#eventOf(await this.#find(id))).migration ?? never();
  }

  async list(runningOnly: boolean): Promise<Migration[]> {
    const all = (await this.#all()).filter((object) => !runningOnly || !hasEnded(object));
    return all.map((object) => toMigration(object)).sort((a, b) => a.created_unix_ms - b.created_unix_ms);
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<MigrationEvent> {
    if (id === '') return yield* this.#watchAll(signal);
    const begun = this.#cancelled.get(id);
    this.#cancelled.delete(id);
    const object = begun === undefined ? await this.#find(id) : undefined;
    const all = begun ?? (object === undefined ? never() : this.#changesOf(object, signal));
    for await (const now of this.#course(all)) yield await this.#eventOf(now);
  }

  /** Answers at once; watch() tells the end. */
  async cancel(id: string): Promise<Migration> {
    const object = await this.#find(id);
    if (hasEnded(object)) throw new Fault('TooLate', `${id} has ended: ${object.status?.phase}`);
    // Of one that only waits for connections these are given up, and nothing else.
    if (object.status?.committed === true && !isMoved(toMigration(object)))
      throw new Fault('TooLate', `${id} is committed: it goes on to its end`);
    // Looked at before it is deleted: it may go quickly.
    const changes = this.#changesOf(object, this.#closing.signal);
    const { value } = await changes.next();
    if (value !== undefined) this.#cancelled.set(id, changes);
    await this.#objects.delete(object.metadata);
    this.#ours.delete(id);
    return toMigration(value?.object ?? object);
  }

  /** What goes away with us is taken back, as the coordinator does it for whoever asked over gRPC. */
  async close(): Promise<void> {
    const left = [...this.#ours.values()].map(async ({ metadata }) => await this.#objects.delete(metadata));
    await Promise.allSettled(left);
    this.#closing.abort();
  }

  async *#watchAll(signal: AbortSignal): AsyncGenerator<MigrationEvent> {
    const namespace = await this.#namespaceToSee();
    for await (const { object, gone } of this.#objects.changes(namespace, signal)) {
      if (!gone || !hasEnded(object)) yield await this.#eventOf(object);
    }
  }

  /** Of that one alone. */
  async *#changesOf({ metadata }: PodMigration, signal: AbortSignal): AsyncGenerator<Change<PodMigration>> {
    const until = AbortSignal.any([signal, this.#closing.signal]);
    let seen = false;
    for await (const change of this.#objects.changes(metadata.namespace, until)) {
      const isIt = change.object.metadata.uid === metadata.uid;
      seen ||= isIt;
      if (isIt) yield change;
    }
    if (!seen && !until.aborted) never();
  }

  /** Up to its end. @param fresh made just now: somebody has to take it up */
  async *#course(changes: AsyncGenerator<Change<PodMigration>>, fresh?: PodMigration): AsyncGenerator<PodMigration> {
    const patience = fresh === undefined ? undefined : new Patience(this.#takeUpMs);
    try {
      while (true) {
        const next = await (patience === undefined ? changes.next() : patience.until(changes.next()));
        if (next.done === true) return;
        const { object, gone } = next.value;
        if (isTakenUp(object)) patience?.end();
        if (gone && !hasEnded(object)) throw vanished(object);
        yield object;
        if (hasEnded(object)) return;
      }
    } finally {
      patience?.end();
      // Not waited for: one that was lost patience with has a question open.
      void changes.return(undefined);
    }
  }

  async #find(id: string): Promise<PodMigration> {
    const found = (await this.#all()).find((object) => idOf(object) === id || object.metadata.name === id);
    if (found !== undefined) return found;
    const namespace = await this.#namespaceToSee();
    const where = namespace === '' ? 'in all of the cluster' : `in namespace ${namespace}`;
    throw new Fault(
      'MigrationNotFound',
      `there is no migration ${id} ${where}: a cancelled one is gone with its object`,
    );
  }

  async #all(): Promise<PodMigration[]> {
    return (await this.#objects.list(await this.#namespaceToSee())).items;
  }

  #toSee: string | undefined;

  /** Empty: all. */
  async #namespaceToSee(): Promise<string> {
    const { asked, own } = this.#scope;
    this.#toSee ??= asked ?? ((await this.#seesAll()) ? '' : own);
    return this.#toSee;
  }

  async #seesAll(): Promise<boolean> {
    try {
      await this.#objects.list('');
      return true;
    } catch (error) {
      if (error instanceof Fault && error.reason === 'PermissionDenied') return false;
      throw error;
    }
  }

  async #eventOf(object: PodMigration): Promise<MigrationEvent> {
    return { migration: toMigration(object, Date.now(), await this.#addressOf(object)), message: messageOf(object) };
  }

  /** Nice to know; whoever may not look at pods does without. */
  async #addressOf({ metadata, status }: PodMigration): Promise<string> {
    if (status?.phase !== 'Succeeded' || status.targetPod === undefined) return '';
    const { name, uid } = status.targetPod;
    try {
      const pod = await this.#core.readNamespacedPod(
        { name, namespace: metadata.namespace },
        bounded(this.#closing.signal),
      );
      return uid === undefined || pod.metadata?.uid === uid ? (pod.status?.podIP ?? '') : '';
    } catch {
      return '';
    }
  }
}

class Neglected extends Error {}

/** What has to come within a time, until it is known that it does. */
export class Patience {
  readonly #lost = Promise.withResolvers<never>();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#lost.promise.catch(() => {});
    this.#timer = setTimeout(() => this.#lost.reject(new Neglected(`nobody took it up within ${ms / 1_000} s`)), ms);
  }

  async until<T>(coming: Promise<T>): Promise<T> {
    return await Promise.race([coming, this.#lost.promise]);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

export function isNeglected(error: unknown): error is Error {
  return error instanceof Neglected;
}

export function neglected(namespace: string, cause: Error): Unreachable {
  return new Unreachable(`what was asked for in ${namespace} was taken back: ${cause.message}`, {
    cause,
    hint: 'does a coordinator run? "kubectl get pods -n podferry-system -l app.kubernetes.io/component=coordinator"',
  });
}

function refusal({ status }: PodMigration): Fault {
  return new Fault((status?.reason ?? 'Internal') as Reason, status?.message ?? 'it was refused');
}

function vanished(object: PodMigration): Error {
  const { namespace, name } = object.metadata;
  if (object.status?.phase === undefined)
    return new Fault('Cancelled', `PodMigration ${namespace}/${name} was deleted before anything was begun`);
  return new Unreachable(`PodMigration ${namespace}/${name} is gone, and nobody has written how ${idOf(object)} ended`);
}

function never(): never {
  throw new Fault('Internal', 'a watch ended by itself');
}
