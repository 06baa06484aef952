/** What the API server has of a migration's two pods, as far as its object's status needs it. */
import type { V1Pod } from '@kubernetes/client-node';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { bounded, ifThere, type Kubernetes } from '../cluster/kubernetes/client.ts';
import type { PodMigration } from './pod-migration.ts';
import type { Remains } from './task.ts';

/** A status that lacks it now will have it with its next write. */
const lookMs = 2_000;

export class Pods {
  readonly #core: Kubernetes['core'];

  constructor({ core }: Pick<Kubernetes, 'core'>) {
    this.#core = core;
  }

  /** Of the object that was made for it; the plan has its name only. */
  async targetUid({ plan }: Migration, signal: AbortSignal): Promise<string | undefined> {
    if (plan?.target_pod === null || plan === null) return undefined;
    const { namespace, name } = plan.target_pod;
    try {
      return (await this.#read(namespace, name, signal, lookMs))?.metadata?.uid;
    } catch {
      return undefined;
    }
  }

  async remains({ metadata, spec, status = {} }: PodMigration, signal: AbortSignal): Promise<Remains> {
    const { namespace } = metadata;
    const { sourcePodUID, targetPod } = status;
    const source = await this.#read(namespace, spec.sourcePod.name, signal);
    const target = targetPod === undefined ? undefined : await this.#read(namespace, targetPod.name, signal);
    const isThere = target !== undefined && (targetPod?.uid === undefined || target.metadata?.uid === targetPod.uid);
    return {
      source: source !== undefined && (sourcePodUID === undefined || source.metadata?.uid === sourcePodUID),
      target: isThere ? (target.status?.phase === 'Running' ? 'running' : 'notRunning') : 'gone',
    };
  }

  async #read(namespace: string, name: string, signal: AbortSignal, ms?: number): Promise<V1Pod | undefined> {
    return await ifThere(this.#core.readNamespacedPod({ namespace, name }, bounded(signal, ms)));
  }
}
