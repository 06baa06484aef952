/**
 * A name that is kept free: the pod of a StatefulSet can only come back under its own name, and from when the old object
 * is deleted until ours is made its controller wants to make a pod of that name itself, which would start cold beside a
 * source that runs. So the API server refuses that name to everybody else, by an admission policy of its own
 * (charts/podferry/files/names-policy.yaml) that asks the PodMigration: it needs no coordinator that answers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiException, type V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import {
  apiVersion,
  group,
  idOf,
  keepsName,
  keepsNameLabel,
  kind,
  plural,
  type PodMigration,
  podMigrations,
  version,
} from '../../resource/pod-migration.ts';
import { Objects } from '../../resource/objects.ts';
import type { Plan } from '../../request.ts';
import { apiFault, bounded, type Kubernetes, mergePatch, statusOf } from './client.ts';

const policy = 'podferry-names';

const patienceMs = 5_000;
const lookMs = 50;

/** What belongs to a migration goes with its object, should nobody else remove it. */
export interface Owner {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

/**
 * Resolves when nobody but this migration can make a pod of the name.
 *
 * @param pod one that anybody could make, under that name
 * @throws Fault TargetPrepareFailed when nothing keeps others from it
 */
export async function keepName(kubernetes: Kubernetes, id: string, pod: V1Pod, signal: AbortSignal): Promise<Owner> {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  const what = `keeping the name of pod ${namespace}/${name}`;
  const owner = await objectOf(kubernetes, namespace, id, signal);
  if (owner === undefined)
    throw new Fault('TargetPrepareFailed', `${what}: there is no PodMigration of ${id} any more: was it deleted?`);
  try {
    const body = { metadata: { labels: { [keepsNameLabel]: id } } };
    const where = { group, version, plural, namespace, name: owner.metadata.name };
    await kubernetes.custom.patchNamespacedCustomObject({ ...where, body }, mergePatch(signal));
  } catch (error) {
    throw apiFault(error, what, 'TargetPrepareFailed');
  }
  const until = performance.now() + patienceMs;
  while (!(await isRefused(kubernetes, pod, signal))) {
    if (performance.now() > until) {
      throw new Fault(
        'TargetPrepareFailed',
        `${what}: its owner could make another one meanwhile, because the admission policy ${policy} does not work: ` +
          'apply charts/podferry/files/names-policy.yaml',
      );
    }
    await sleep(lookMs, undefined, { signal });
  }
  const { name: own, uid } = owner.metadata;
  return { apiVersion, kind, name: own, uid };
}

/** Everybody can make a pod of the name again, where it is not taken. May be repeated. */
export async function freeName(kubernetes: Kubernetes, { id, pod }: Plan, signal: AbortSignal): Promise<void> {
  const namespace = pod?.namespace ?? '';
  const object = await objectOf(kubernetes, namespace, id, signal);
  if (object === undefined) return;
  try {
    await new Objects<PodMigration>(kubernetes, podMigrations).unlabel(object, keepsNameLabel, signal);
  } catch (error) {
    throw apiFault(error, `freeing the name of pod ${namespace}/${pod?.name}`, 'ReleaseFailed');
  }
}

/** Whether this migration keeps it from nobody: it does not yet, or not any more. */
export async function isNameFree(kubernetes: Kubernetes, { id, pod }: Plan, signal: AbortSignal): Promise<boolean> {
  const object = await objectOf(kubernetes, pod?.namespace ?? '', id, signal);
  return object === undefined || !keepsName(object);
}

/** The PodMigration of a migration; undefined: somebody has deleted it. */
async function objectOf(
  { custom }: Kubernetes,
  namespace: string,
  id: string,
  signal: AbortSignal,
): Promise<PodMigration | undefined> {
  const listed = custom.listNamespacedCustomObject({ group, version, plural, namespace }, bounded(signal));
  const { items } = (await listed.catch((error: unknown) => {
    throw apiFault(error, `looking for the PodMigration of ${id}`);
  })) as { items: PodMigration[] };
  return items.find((each) => idOf(each) === id);
}

/** Asked without making anything: somebody else's pod of that name would be turned away by our policy. */
async function isRefused({ core }: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<boolean> {
  const namespace = pod.metadata?.namespace ?? '';
  try {
    await core.createNamespacedPod({ namespace, body: pod, dryRun: 'All' }, bounded(signal));
    return false;
  } catch (error) {
    if (error instanceof ApiException && statusOf(error) === 403 && JSON.stringify(error.body).includes(policy))
      return true;
    // There is one of that name: it is not refused for any other reason.
    if (statusOf(error) === 409) return false;
    throw apiFault(error, `asking whether pod ${namespace}/${pod.metadata?.name} could be made`, 'TargetPrepareFailed');
  }
}
