/** Objects of ours at the API server: the calls that are made of it, none of which waits for ever. */
import { bounded, ifThere, type Kubernetes, mergePatch } from '../cluster/kubernetes/client.ts';
import { apiVersion, group, version } from './pod-migration.ts';

/** What all our kinds have. */
export interface Resource {
  metadata: {
    namespace: string;
    name: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    finalizers?: string[];
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
  };
  spec: object;
  status?: object;
}

export interface Kind {
  kind: string;
  plural: string;
  /** As long as it stands, we still have something to do before the object may go. */
  finalizer: string;
}

/** In a merge patch only null takes a field away. */
const removable = { reason: null, message: null };

export class Objects<T extends Resource> {
  readonly path: string;
  readonly #custom: Kubernetes['custom'];
  readonly #kind: Kind;
  readonly #where: { group: string; version: string; plural: string };

  constructor({ custom }: Pick<Kubernetes, 'custom'>, kind: Kind) {
    this.#custom = custom;
    this.#kind = kind;
    this.#where = { group, version, plural: kind.plural };
    this.path = `/apis/${group}/${version}/${kind.plural}`;
  }

  async list(signal: AbortSignal): Promise<{ items: T[]; resourceVersion: string }> {
    const { items, metadata } = (await this.#custom.listCustomObjectForAllNamespaces(
      { group, version, resourcePlural: this.#kind.plural },
      bounded(signal),
    )) as { items: T[]; metadata: { resourceVersion: string } };
    return { items, resourceVersion: metadata.resourceVersion };
  }

  /** Held from the start: whoever makes it takes it up. */
  async create(
    namespace: string,
    called: { name: string } | { generateName: string },
    annotations: Record<string, string>,
    spec: T['spec'],
    signal: AbortSignal,
  ): Promise<T> {
    const { kind, finalizer } = this.#kind;
    const body = { apiVersion, kind, metadata: { ...called, annotations, finalizers: [finalizer] }, spec };
    return (await this.#custom.createNamespacedCustomObject({ ...this.#where, namespace, body }, bounded(signal))) as T;
  }

  /** Asks for its end; it is gone when its finalizers are. @throws with 404 when there is none */
  async delete(namespace: string, name: string, signal: AbortSignal): Promise<void> {
    await this.#custom.deleteNamespacedCustomObject({ ...this.#where, namespace, name }, bounded(signal));
  }

  isHeld({ metadata }: T): boolean {
    return metadata.finalizers?.includes(this.#kind.finalizer) === true;
  }

  /** @throws with 409 when it has changed meanwhile */
  async hold(object: T, signal: AbortSignal): Promise<T | undefined> {
    return await this.#setFinalizers(object, [...(object.metadata.finalizers ?? []), this.#kind.finalizer], signal);
  }

  /** As hold(), the other way. */
  async letGo(object: T, signal: AbortSignal): Promise<T | undefined> {
    const others = (object.metadata.finalizers ?? []).filter((name) => name !== this.#kind.finalizer);
    return await this.#setFinalizers(object, others, signal);
  }

  /** Takes a label away. May be repeated. */
  async unlabel({ metadata: { namespace, name } }: T, label: string, signal: AbortSignal): Promise<T | undefined> {
    const body = { metadata: { labels: { [label]: null } } };
    return (await ifThere(
      this.#custom.patchNamespacedCustomObject({ ...this.#where, namespace, name, body }, mergePatch(signal)),
    )) as T | undefined;
  }

  /** @throws with 409 when it has changed meanwhile */
  async remove({ metadata: { namespace, name, uid, resourceVersion } }: T, signal: AbortSignal): Promise<void> {
    const body = { preconditions: { uid, resourceVersion } };
    await ifThere(
      this.#custom.deleteNamespacedCustomObject({ ...this.#where, namespace, name, body }, bounded(signal)),
    );
  }

  /** @returns the object as it is now; undefined: it is gone */
  async writeStatus(
    { metadata: { namespace, name } }: T,
    status: NonNullable<T['status']>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const body = { status: { ...removable, ...status } };
    return (await ifThere(
      this.#custom.patchNamespacedCustomObjectStatus({ ...this.#where, namespace, name, body }, mergePatch(signal)),
    )) as T | undefined;
  }

  async #setFinalizers(
    { metadata: { namespace, name, resourceVersion } }: T,
    finalizers: string[],
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const body = { metadata: { resourceVersion, finalizers } };
    return (await ifThere(
      this.#custom.patchNamespacedCustomObject({ ...this.#where, namespace, name, body }, mergePatch(signal)),
    )) as T | undefined;
  }
}
