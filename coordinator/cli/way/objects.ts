/**
 * Objects of ours at the API server, as a person has them: only what is theirs to see, and with errors that say what is
 * missing in this cluster or for them.
 */
import { CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import { apiFault, bounded, statusOf } from '../../cluster/kubernetes/client.ts';
import type { Kind, Resource } from '../../resource/objects.ts';
import { apiVersion, group, version } from '../../resource/pod-migration.ts';
import { type Change, changes } from './changes.ts';
import { Unreachable } from './connection.ts';

const forever = new AbortController().signal;

export class Objects<T extends Resource> {
  readonly #config: KubeConfig;
  readonly #custom: CustomObjectsApi;
  readonly #kind: Kind;
  readonly #where: { group: string; version: string; plural: string };

  constructor(config: KubeConfig, kind: Kind) {
    this.#config = config;
    this.#custom = config.makeApiClient(CustomObjectsApi);
    this.#kind = kind;
    this.#where = { group, version, plural: kind.plural };
  }

  /** Not held by us: a coordinator that takes it up holds it, and where there is none it can be deleted. */
  async create(namespace: string, called: { name: string } | { generateName: string }, spec: T['spec']): Promise<T> {
    const body = { apiVersion, kind: this.#kind.kind, metadata: called, spec };
    const made = this.#custom.createNamespacedCustomObject({ ...this.#where, namespace, body }, bounded(forever));
    return (await this.#told(made, `making a ${this.#kind.kind} in ${namespace}`)) as T;
  }

  /** @param uid of the one that is meant, and of no other of its name */
  async delete({ namespace, name, uid }: { namespace: string; name: string; uid?: string }): Promise<void> {
    const body = uid === undefined ? {} : { preconditions: { uid } };
    const gone = this.#custom.deleteNamespacedCustomObject({ ...this.#where, namespace, name, body }, bounded(forever));
    await this.#told(gone, `deleting ${this.#kind.kind} ${namespace}/${name}`);
  }

  async get(namespace: string, name: string): Promise<T> {
    const asked = this.#custom.getNamespacedCustomObject({ ...this.#where, namespace, name }, bounded(forever));
    return (await this.#told(asked, `reading ${this.#kind.kind} ${namespace}/${name}`)) as T;
  }

  /** @param namespace empty: all of them */
  async list(namespace: string, signal = forever): Promise<{ items: T[]; resourceVersion: string }> {
    const asked = this.#listed(namespace, signal);
    const { items, metadata } = await this.#told(asked, this.#listing(namespace));
    return { items, resourceVersion: metadata.resourceVersion };
  }

  /** @param namespace empty: all of them */
  changes(namespace: string, signal: AbortSignal): AsyncGenerator<Change<T>> {
    const scope = namespace === '' ? '' : `/namespaces/${namespace}`;
    const source = {
      path: `/apis/${group}/${version}${scope}/${this.#kind.plural}`,
      list: async (until: AbortSignal) => {
        const { items, metadata } = await this.#listed(namespace, until);
        return { items, resourceVersion: metadata.resourceVersion };
      },
    };
    return changes<T>(this.#config, source, (fault) => asUnreachable(fault, this.#config), signal);
  }

  async #listed(namespace: string, signal: AbortSignal) {
    const { plural, ...where } = this.#where;
    const found =
      namespace === ''
        ? this.#custom.listCustomObjectForAllNamespaces({ ...where, resourcePlural: plural }, bounded(signal))
        : this.#custom.listNamespacedCustomObject({ ...this.#where, namespace }, bounded(signal));
    return (await found) as { items: T[]; metadata: { resourceVersion: string } };
  }

  #listing(namespace: string): string {
    return `listing ${this.#kind.plural}${namespace === '' ? ' of all namespaces' : ` in ${namespace}`}`;
  }

  async #told<R>(asked: Promise<R>, what: string): Promise<R> {
    return await told(asked, what, this.#config);
  }
}

/** Of the API server, for somebody who may not know what is installed there. */
export async function told<R>(asked: Promise<R>, what: string, config: KubeConfig): Promise<R> {
  try {
    return await asked;
  } catch (error) {
    throw translate(error, what, config);
  }
}

function translate(error: unknown, what: string, config: KubeConfig): Error {
  if (statusOf(error) === 404 && knowsNoSuchKind(error)) {
    const why = `this cluster has no Podferry: ${config.getCurrentCluster()?.server} does not know ${apiVersion}`;
    return new Fault('RuntimeUnsupported', `${what}: ${why}. Install its chart, or choose another --context`, {
      cause: error,
    });
  }
  return asUnreachable(apiFault(error, what), config);
}

/** A path that the API server does not serve gets a text; of an object that is not there it says more. */
function knowsNoSuchKind(error: unknown): boolean {
  const { body } = error as { body?: unknown };
  return !JSON.stringify(body ?? '').includes('Status');
}

function asUnreachable(fault: Fault, config: KubeConfig): Error {
  if (statusOf(fault.cause) === 401) return new Fault('Unauthenticated', fault.message, { cause: fault.cause });
  if (fault.reason !== 'AgentUnreachable') return fault;
  return new Unreachable(`${fault.message} (${config.getCurrentCluster()?.server})`, {
    cause: fault.cause,
    hint: '"kubectl cluster-info" asks the same server',
  });
}
