/** Who still needs Podferry, as far as the API server knows. Changes nothing. */
import type { V1Pod } from '@kubernetes/client-node';
import { type PodCheckpoint, podCheckpoints } from '../checkpoint/pod-checkpoint.ts';
import { bounded, ifThere, type Kubernetes } from '../cluster/kubernetes/client.ts';
import { type Kind, Objects, type Resource } from '../resource/objects.ts';
import { type PodMigration, podMigrations } from '../resource/pod-migration.ts';
import type { Patience } from './patience.ts';

export interface Situation {
  migrations: PodMigration[];
  checkpoints: PodCheckpoint[];
  /** With our runtime class, wherever they are. */
  pods: V1Pod[];
  /** Whether there is somebody who lets go of what is held by a finalizer. */
  hasCoordinator: boolean;
}

const runtimeClass = 'podferry';
const perPage = 500;

export async function look(kubernetes: Kubernetes, namespace: string, patience: Patience): Promise<Situation> {
  const { apps } = kubernetes;
  const name = 'podferry-coordinator';
  const deployment = await patience.ask(`looking at Deployment ${namespace}/${name}`, async (signal) =>
    ifThere(apps.readNamespacedDeployment({ namespace, name }, bounded(signal))),
  );
  return {
    migrations: await listIfAny<PodMigration>(kubernetes, podMigrations, patience),
    checkpoints: await listIfAny<PodCheckpoint>(kubernetes, podCheckpoints, patience),
    pods: await patience.ask('listing pods', async (signal) => await ourPods(kubernetes, signal)),
    hasCoordinator: (deployment?.status?.readyReplicas ?? 0) > 0,
  };
}

/** None where the API server does not know the kind. */
export async function listIfAny<T extends Resource>(
  kubernetes: Pick<Kubernetes, 'custom'>,
  kind: Kind,
  patience: Patience,
): Promise<T[]> {
  const objects = new Objects<T>(kubernetes, kind);
  const list = async (signal: AbortSignal) => await ifThere(objects.list(signal));
  return (await patience.ask(`listing ${kind.plural}`, list))?.items ?? [];
}

/** Page by page: a cluster has more pods than fit into memory with all that they say. */
async function ourPods({ core }: Kubernetes, signal: AbortSignal): Promise<V1Pod[]> {
  const ours: V1Pod[] = [];
  let next: string | undefined;
  do {
    const page = { limit: perPage, ...(next !== undefined && { _continue: next }) };
    const { items, metadata } = await core.listPodForAllNamespaces(page, bounded(signal));
    ours.push(...items.filter(({ spec }) => spec?.runtimeClassName === runtimeClass));
    const { _continue: more } = metadata ?? {};
    next = more === '' ? undefined : more;
  } while (next !== undefined);
  return ours;
}
