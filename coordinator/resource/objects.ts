/** PodMigrations at the API server: the calls that are made of it, none of which waits for ever. */
import { bounded, ifThere, type Kubernetes, mergePatch } from '../cluster/kubernetes/client.ts';
import {
  apiVersion,
  finalizer,
  group,
  keepsNameLabel,
  kind,
  plural,
  type PodMigration,
  type Spec,
  type Status,
  version,
} from './pod-migration.ts';

const where = { group, version, plural };
/** In a merge patch only null takes a field away. */
const removable = { reason: null, message: null };

export class Objects {
  readonly path = `/apis/${group}/${version}/${plural}`;
  readonly #custom: Kubernetes['custom'];

  constructor({ custom }: Pick<Kubernetes, 'custom'>) {
    this.#custom = custom;
  }

  async list(signal: AbortSignal): Promise<{ items: PodMigration[]; resourceVersion: string }> {
    const { items, metadata } = (await this.#custom.listCustomObjectForAllNamespaces(
      { group, version, resourcePlural: plural },
      bounded(signal),
    )) as { items: PodMigration[]; metadata: { resourceVersion: string } };
    return { items, resourceVersion: metadata.resourceVersion };
  }

  /** Held from the start: whoever makes it takes it up. */
  async create(
    namespace: string,
    generateName: string,
    annotations: Record<string, string>,
    spec: Spec,
    signal: AbortSignal,
  ): Promise<PodMigration> {
    const body = { apiVersion, kind, metadata: { generateName, annotations, finalizers: [finalizer] }, spec };
    return (await this.#custom.createNamespacedCustomObject(
      { ...where, namespace, body },
      bounded(signal),
    )) as PodMigration;
  }

  /** @throws with 409 when it has changed meanwhile */
  async hold(object: PodMigration, signal: AbortSignal): Promise<PodMigration | undefined> {
    return await this.#setFinalizers(object, [...(object.metadata.finalizers ?? []), finalizer], signal);
  }

  /** As hold(), the other way. */
  async letGo(object: PodMigration, signal: AbortSignal): Promise<PodMigration | undefined> {
    const others = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
    return await this.#setFinalizers(object, others, signal);
  }

  /** Whoever wants its pod's name may have it. */
  async freeName(
    { metadata: { namespace, name } }: PodMigration,
    signal: AbortSignal,
  ): Promise<PodMigration | undefined> {
    const body = { metadata: { labels: { [keepsNameLabel]: null } } };
    return (await ifThere(
      this.#custom.patchNamespacedCustomObject({ ...where, namespace, name, body }, mergePatch(signal)),
    )) as PodMigration | undefined;
  }

  /** @returns the object as it is now; undefined: it is gone */
  async writeStatus(
    { metadata: { namespace, name } }: PodMigration,
    status: Status,
    signal: AbortSignal,
  ): Promise<PodMigration | undefined> {
    const body = { status: { ...removable, ...status } };
    return (await ifThere(
      this.#custom.patchNamespacedCustomObjectStatus({ ...where, namespace, name, body }, mergePatch(signal)),
    )) as PodMigration | undefined;
  }

  async #setFinalizers(
    { metadata: { namespace, name, resourceVersion } }: PodMigration,
    finalizers: string[],
    signal: AbortSignal,
  ): Promise<PodMigration | undefined> {
    const body = { metadata: { resourceVersion, finalizers } };
    return (await ifThere(
      this.#custom.patchNamespacedCustomObject({ ...where, namespace, name, body }, mergePatch(signal)),
    )) as PodMigration | undefined;
  }
}
