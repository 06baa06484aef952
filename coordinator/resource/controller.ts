/**
 * Migrations by way of objects: whoever makes a PodMigration asks for one, gRPC callers included, and its status says
 * what becomes of it. No step of a migration waits for anything that is done here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { MigrateRequest__Output as MigrateRequest } from '../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Agents } from '../agents/agents.ts';
import { apiFault, type Kubernetes, statusOf } from '../cluster/kubernetes/client.ts';
import type { Migrations } from '../migration/migrations.ts';
import type { MigrationRecord } from '../migration/record.ts';
import { readRequest } from '../request.ts';
import { Events } from './events.ts';
import { Objects } from './objects.ts';
import { askedByAnnotation, type PodMigration, podMigrations, specOf } from './pod-migration.ts';
import { Pods } from './pods.ts';
import { type Surroundings, Ward } from './ward.ts';
import { watchObjects } from './watch.ts';

/** With five letters behind it, which the API server chooses, a name is still one. */
const longestStem = 200;

export class Controller {
  readonly #around: Surroundings;
  readonly #log: Logger;
  readonly #kubernetes: Kubernetes;
  readonly #wards = new Map<string, Ward>();
  readonly #stopping = new AbortController();
  readonly #closed = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #leave = () => {};

  constructor(kubernetes: Kubernetes, migrations: Migrations, agents: Agents, log: Logger) {
    this.#kubernetes = kubernetes;
    this.#log = log;
    this.#around = {
      objects: new Objects<PodMigration>(kubernetes, podMigrations),
      pods: new Pods(kubernetes),
      events: new Events(kubernetes.core, log, this.#closed.signal),
      migrations,
      agents,
      log,
      stopping: this.#stopping.signal,
      closed: this.#closed.signal,
    };
  }

  /** After the agents have been asked what they hold: else what is under way would be taken for lost. */
  start(): void {
    const { objects, migrations } = this.#around;
    const byId = (id: string) => [...this.#wards.values()].find((ward) => ward.id === id);
    this.#leave = migrations.watch((migration) => byId(migration.id)?.told(migration));
    const listener = {
      listed: (all: readonly PodMigration[]) => {
        const there = new Set(all.map(({ metadata }) => metadata.uid));
        for (const [uid, ward] of this.#wards) if (!there.has(uid)) this.#gone(uid, ward);
        for (const object of all) this.#seen(object);
      },
      seen: (object: PodMigration) => void this.#seen(object),
      gone: ({ metadata }: PodMigration) => this.#gone(metadata.uid, this.#wards.get(metadata.uid)),
    };
    const source = { path: objects.path, list: async (signal: AbortSignal) => await objects.list(signal) };
    this.#watching = watchObjects(this.#kubernetes.config, source, listener, this.#log, this.#closed.signal);
  }

  /**
   * For a gRPC caller: the object comes first, and then exactly that one is carried out.
   * @param by undefined: nobody knows who
   * @throws Fault
   */
  async intake(request: MigrateRequest, by: string | undefined, gone: AbortSignal): Promise<MigrationRecord> {
    const { objects, migrations, closed } = this.#around;
    const wish = readRequest(request);
    // What is refused leaves no object.
    const plan = await migrations.check(wish, gone);
    const { namespace, name } = wish.pod;
    const asker = by === undefined ? {} : { [askedByAnnotation]: by };
    let object: PodMigration;
    try {
      const called = { generateName: `${name.slice(0, longestStem)}-` };
      object = await objects.create(namespace, called, asker, specOf(request, plan.pod?.uid ?? ''), closed);
    } catch (error) {
      const hint = statusOf(error) === 404 ? ' (has charts/podferry/files/crds been applied?)' : '';
      throw apiFault(error, `making a PodMigration in ${namespace}${hint}`);
    }
    return await this.#seen(object).begun.promise;
  }

  /** Takes up nothing more. What is under way is still mirrored. */
  stop(): void {
    this.#stopping.abort(new Fault('NodeNotReady', 'the coordinator is shutting down: try again when it is back'));
  }

  /** @param graceMs for what is still to be written; whoever starts next writes the rest */
  async close(graceMs: number): Promise<void> {
    this.stop();
    const { events } = this.#around;
    const until = performance.now() + graceMs;
    const busy = () => !events.idle || [...this.#wards.values()].some((ward) => !ward.idle);
    while (performance.now() < until && busy()) await sleep(20);
    this.#leave();
    this.#closed.abort(new Fault('Cancelled', 'the coordinator is shutting down'));
    for (const ward of this.#wards.values()) ward.close();
    await this.#watching;
  }

  #seen(object: PodMigration): Ward {
    const known = this.#wards.get(object.metadata.uid);
    if (known !== undefined) {
      known.saw(object);
      return known;
    }
    const ward = new Ward(object, this.#around);
    this.#wards.set(object.metadata.uid, ward);
    ward.attend();
    return ward;
  }

  #gone(uid: string, ward: Ward | undefined): void {
    this.#wards.delete(uid);
    ward?.gone();
  }
}
