/**
 * The target becomes its owner's pod. A controller that counts one pod too many removes the one that it likes least:
 * so the source is made that one first, and there is never one too few, which would bring a third.
 */
import type { V1OwnerReference, V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import type { Refusal } from '../../migration/preflight.ts';
import { apiFault, bounded, ifThere, type Kubernetes, mergePatch } from './client.ts';
import { controllerOf } from './target-pod.ts';

const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const leastWanted = '-2147483648';

/** What an owner knows its pods by: these labels the target has only from the take-over on. */
export async function labelsOfOwner(kubernetes: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<string[]> {
  const owner = controllerOf(pod);
  if (owner === undefined) return [];
  switch (`${owner.apiVersion} ${owner.kind}`) {
    case 'apps/v1 ReplicaSet': {
      const namespace = pod.metadata?.namespace ?? '';
      const asked = kubernetes.apps.readNamespacedReplicaSet({ namespace, name: owner.name }, bounded(signal));
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
    // What it takes is asked of the set itself: see stateful-set.ts.
    case 'apps/v1 StatefulSet':
      return [];
    case 'apps/v1 DaemonSet':
      return [refusal(`DaemonSet ${owner.name} has one on every node: there is nowhere to go`)];
    default:
      return [refusal(`its owner ${owner.kind} ${owner.name} would not know the new pod as its own`)];
  }
}

function refusal(message: string): Refusal {
  return { reason: 'RuntimeUnsupported', message };
}

/** May be repeated. */
export async function takeOver(
  kubernetes: Kubernetes,
  source: V1Pod,
  target: V1Pod,
  signal: AbortSignal,
): Promise<void> {
  const owner = controllerOf(source);
  if (owner === undefined) return;
  const heldBack = await labelsOfOwner(kubernetes, source, signal);
  if (controllerOf(target)?.uid !== owner.uid) {
    const labels = Object.fromEntries(heldBack.map((name) => [name, source.metadata?.labels?.[name]]));
    await patch(kubernetes, source, { annotations: { [deletionCost]: leastWanted } }, signal);
    await patch(kubernetes, target, { labels, ownerReferences: [owner] }, signal);
  }
  // A Job does not ask what a pod costs; it looks once a second, so that it sees both changes or none.
  if (owner.kind === 'Job') await release(kubernetes, source, heldBack, owner, signal);
}

/** Its end is not the Job's affair any more, or it would count as a failure. */
async function release(
  kubernetes: Kubernetes,
  source: V1Pod,
  labels: readonly string[],
  owner: V1OwnerReference,
  signal: AbortSignal,
): Promise<void> {
  const changes = {
    labels: Object.fromEntries(labels.map((name) => [name, null])),
    ownerReferences: source.metadata?.ownerReferences?.filter(({ uid }) => uid !== owner.uid) ?? [],
    finalizers: source.metadata?.finalizers?.filter((name) => name !== 'batch.kubernetes.io/job-tracking') ?? [],
  };
  await patch(kubernetes, source, changes, signal);
}

/** A pod that is gone needs no change. */
async function patch({ core }: Kubernetes, { metadata }: V1Pod, changes: object, signal: AbortSignal): Promise<void> {
  const { namespace = '', name = '', uid } = metadata ?? {};
  const body = { metadata: { uid, ...changes } };
  try {
    await ifThere(core.patchNamespacedPod({ namespace, name, body }, mergePatch(signal)));
  } catch (error) {
    throw apiFault(error, `changing pod ${namespace}/${name}`, 'CutOverFailed');
  }
}

/** @throws Fault CutOverFailed */
export function need(pod: V1Pod | undefined, what: string): V1Pod {
  if (pod !== undefined) return pod;
  throw new Fault('CutOverFailed', `${what} is gone`);
}
