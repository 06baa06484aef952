/**
 * The target becomes its owner's pod. A controller that counts one pod too many removes the one that it likes least:
 * so the source is made that one first, and there is never one too few, which would bring a third.
 */
import { type V1OwnerReference, type V1Pod, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import type { Refusal } from '../../migration/preflight.ts';
import { apiFault, ifThere, type Kubernetes } from './client.ts';
import { controllerOf } from './target-pod.ts';

const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const leastWanted = '-2147483648';

/** What an owner knows its pods by: these labels the target has only from the take-over on. */
export async function labelsOfOwner(kubernetes: Kubernetes, pod: V1Pod): Promise<string[]> {
  const owner = controllerOf(pod);
  if (owner === undefined) return [];
  switch (`${owner.apiVersion} ${owner.kind}`) {
    case 'apps/v1 ReplicaSet': {
      const namespace = pod.metadata?.namespace ?? '';
      const asked = kubernetes.apps.readNamespacedReplicaSet({ namespace, name: owner.name });
      const set = await asked.catch((error: unknown) => {
        throw apiFault(error, `looking at ReplicaSet ${namespace}/${owner.name}`);
      });
      const keys = Object.keys(set.spec?.selector.matchLabels ?? {});
      // A Deployment's sets are told apart by it; the other labels are also Services'.
      return keys.includes('pod-template-hash') ? ['pod-template-hash'] : keys.slice(0, 1);
    }
    case 'batch/v1 Job':
      return ['batch.kubernetes.io/controller-uid', 'controller-uid'];
    default:
      return [];
  }
}

/** Whether its owner can be given another pod in its place. */
export function ownerRefusals(pod: V1Pod): Refusal[] {
  const owner = controllerOf(pod);
  if (pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
    return [refusal('it is a static pod: its node alone has it')];
  }
  if (owner === undefined) return [];
  switch (`${owner.apiVersion} ${owner.kind}`) {
    case 'apps/v1 ReplicaSet':
    case 'batch/v1 Job':
      return [];
    case 'apps/v1 DaemonSet':
      return [refusal(`DaemonSet ${owner.name} has one on every node: there is nowhere to go`)];
    case 'apps/v1 StatefulSet':
      return [refusal(`pods of a StatefulSet (${owner.name}) are not supported yet: their name must stay the same`)];
    default:
      return [refusal(`its owner ${owner.kind} ${owner.name} would not know the new pod as its own`)];
  }
}

function refusal(message: string): Refusal {
  return { reason: 'RuntimeUnsupported', message };
}

/** May be repeated. */
export async function takeOver(kubernetes: Kubernetes, source: V1Pod, target: V1Pod): Promise<void> {
  const owner = controllerOf(source);
  if (owner === undefined) return;
  const heldBack = await labelsOfOwner(kubernetes, source);
  if (controllerOf(target)?.uid !== owner.uid) {
    const labels = Object.fromEntries(heldBack.map((name) => [name, source.metadata?.labels?.[name]]));
    await patch(kubernetes, source, { annotations: { [deletionCost]: leastWanted } });
    await patch(kubernetes, target, { labels, ownerReferences: [owner] });
  }
  // A Job does not ask what a pod costs; it looks once a second, so that it sees both changes or none.
  if (owner.kind === 'Job') await release(kubernetes, source, heldBack, owner);
}

/** Its end is not the Job's affair any more, or it would count as a failure. */
async function release(
  kubernetes: Kubernetes,
  source: V1Pod,
  labels: readonly string[],
  owner: V1OwnerReference,
): Promise<void> {
  await patch(kubernetes, source, {
    labels: Object.fromEntries(labels.map((name) => [name, null])),
    ownerReferences: source.metadata?.ownerReferences?.filter(({ uid }) => uid !== owner.uid) ?? [],
    finalizers: source.metadata?.finalizers?.filter((name) => name !== 'batch.kubernetes.io/job-tracking') ?? [],
  });
}

/** A pod that is gone needs no change. */
async function patch({ core }: Kubernetes, { metadata }: V1Pod, changes: object): Promise<void> {
  const { namespace = '', name = '', uid } = metadata ?? {};
  const body = { metadata: { uid, ...changes } };
  const options = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
  try {
    await ifThere(core.patchNamespacedPod({ namespace, name, body }, options));
  } catch (error) {
    throw apiFault(error, `changing pod ${namespace}/${name}`, 'CutOverFailed');
  }
}

/** @throws Fault CutOverFailed */
export function need(pod: V1Pod | undefined, what: string): V1Pod {
  if (pod !== undefined) return pod;
  throw new Fault('CutOverFailed', `${what} is gone`);
}
