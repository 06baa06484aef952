/** The Secret and the ConfigMap, as fields and annotations; of two who write at once one is told so. */
import type { CoreV1Api, V1ConfigMap, V1ObjectMeta, V1Secret } from '@kubernetes/client-node';
import { Fault } from '../../proto/fault.ts';
import { apiFault, bounded, ifThere, statusOf } from '../cluster/kubernetes/client.ts';
import type { Place } from './authority.ts';
import type { Fields } from './secret.ts';

const role = 'charts/podferry/files/coordinator-namespace-role.yaml';

/** As it was read; a write over it is refused when it is another one by now. */
export interface Found<T> {
  object: T;
  fields: Fields;
}

export class Objects {
  readonly #core: CoreV1Api;
  readonly #place: Place;

  constructor(core: CoreV1Api, place: Place) {
    this.#core = core;
    this.#place = place;
  }

  get secretName(): string {
    return `${this.#place.namespace}/${this.#place.secret}`;
  }

  async secret(signal: AbortSignal): Promise<Found<V1Secret> | undefined> {
    const where = { namespace: this.#place.namespace, name: this.#place.secret };
    const asked = ifThere(this.#core.readNamespacedSecret(where, bounded(signal)));
    const secret = await told(asked, `reading Secret ${this.secretName}`);
    if (secret === undefined) return undefined;
    const decoded = Object.entries(secret.data ?? {}).map(([name, text]) => [
      name,
      Buffer.from(text, 'base64').toString(),
    ]);
    return { object: secret, fields: Object.fromEntries(decoded) as Fields };
  }

  /** @returns false when somebody else was quicker: what there is now has to be read again */
  async writeSecret(over: V1Secret | undefined, fields: Fields, signal: AbortSignal): Promise<boolean> {
    const { namespace, secret: name } = this.#place;
    const encoded = Object.entries(fields).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
    const data = Object.fromEntries(encoded) as Record<string, string>;
    const metadata = over?.metadata ?? { name, namespace, labels };
    const body = { type: over?.type ?? 'kubernetes.io/tls', metadata, data };
    const written =
      over === undefined
        ? this.#core.createNamespacedSecret({ namespace, body }, bounded(signal))
        : this.#core.replaceNamespacedSecret({ namespace, name, body }, bounded(signal));
    return await unlessQuicker(written, `writing Secret ${this.secretName}`);
  }

  async trust(signal: AbortSignal): Promise<Found<V1ConfigMap> | undefined> {
    const where = { namespace: this.#place.namespace, name: this.#place.trustConfigMap };
    const asked = ifThere(this.#core.readNamespacedConfigMap(where, bounded(signal)));
    const map = await told(asked, `reading ConfigMap ${where.namespace}/${where.name}`);
    return map && { object: map, fields: map.data ?? {} };
  }

  /**
   * Writes only what is not there already.
   * @returns false when somebody else was quicker
   */
  async publish(ca: string, annotations: Record<string, string>, signal: AbortSignal): Promise<boolean> {
    const { namespace, trustConfigMap: name } = this.#place;
    const over = await this.trust(signal);
    const has = over?.object.metadata?.annotations ?? {};
    const isSaid = Object.entries(annotations).every(([key, text]) => has[key] === text);
    if (over?.fields['ca.crt'] === ca && isSaid) return true;
    const metadata: V1ObjectMeta = over?.object.metadata ?? { name, namespace, labels };
    metadata.annotations = { ...has, ...annotations };
    const body = { metadata, data: { ...over?.fields, 'ca.crt': ca } };
    const written =
      over === undefined
        ? this.#core.createNamespacedConfigMap({ namespace, body }, bounded(signal))
        : this.#core.replaceNamespacedConfigMap({ namespace, name, body }, bounded(signal));
    return await unlessQuicker(written, `publishing whom to trust in ConfigMap ${namespace}/${name}`);
  }
}

const labels = { 'app.kubernetes.io/name': 'podferry', 'app.kubernetes.io/component': 'coordinator' };

async function unlessQuicker(written: Promise<unknown>, what: string): Promise<boolean> {
  try {
    await written;
    return true;
  } catch (error) {
    if (statusOf(error) === 409) return false;
    return await told(Promise.reject<boolean>(error), what);
  }
}

async function told<T>(asked: Promise<T>, what: string): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const fault = apiFault(error, what);
    if (statusOf(error) !== 403) throw fault;
    throw new Fault('PermissionDenied', `${fault.message}: is ${role} applied in that namespace?`, { cause: error });
  }
}
