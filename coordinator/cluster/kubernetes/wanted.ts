/**
 * Whether somebody wants what a source holds that only connections still go by way of: its node is drained or gone, or
 * its pod is to go sooner.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import { isNamesake, type Plan } from '../../request.ts';
import { bounded, ifThere, type Kubernetes } from './client.ts';

const lookMs = 1_500;
/** Before the end of a grace period that is shorter than ours: connections are closed properly, and kubelet need not kill. */
const beforeEndMs = 5_000;
/** Kubernetes' own, where a pod says nothing. */
const usualGraceSeconds = 30;

/** What is read of them. */
type SeenPod = Pick<V1Pod, 'metadata' | 'spec' | 'status'>;
type SeenNode = Pick<V1Node, 'metadata'>;

/** Resolves with the reason. Rejects at the signal; an API server that does not answer is asked again until then. */
export async function awaitWanted(
  { core }: Kubernetes,
  plan: Plan,
  graceSeconds: number,
  until: AbortSignal,
): Promise<string> {
  const { namespace = '', name = '', uid = '' } = plan.pod ?? {};
  // One whose name is the target's has lost its object long ago.
  const podOf = async () => {
    const pod = await ifThere(core.readNamespacedPod({ namespace, name }, bounded(until)));
    return pod?.metadata?.uid === uid ? pod : undefined;
  };
  for (;;) {
    try {
      const node = await ifThere(core.readNode({ name: plan.source_node }, bounded(until)));
      const why = isNamesake(plan)
        ? whyNodeWanted(node)
        : (whyNodeWanted(node) ?? whyPodWanted(await podOf(), graceSeconds, Date.now()));
      if (why !== undefined) return why;
    } catch {
      until.throwIfAborted();
    }
    await sleep(lookMs, undefined, { signal: until });
  }
}

/** Pure. */
export function whyNodeWanted(node: SeenNode | undefined): string | undefined {
  if (node === undefined) return 'its node is gone';
  return node.metadata?.deletionTimestamp === undefined ? undefined : 'its node is being deleted';
}

/**
 * Pure. A ReplicaSet deletes the pod that it has one too many of before we can, with the grace period that the pod has of
 * its own; nobody wants the pod for that, but it cannot stay for longer.
 *
 * @param graceSeconds that we have given it ourselves, or wanted to
 */
export function whyPodWanted(pod: SeenPod | undefined, graceSeconds: number, nowMs: number): string | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds: seconds = graceSeconds } = pod?.metadata ?? {};
  if (pod === undefined) return 'its pod was deleted at once';
  if (deletionTimestamp === undefined) return undefined;
  const ownSeconds = pod.spec?.terminationGracePeriodSeconds ?? usualGraceSeconds;
  if (seconds < Math.min(graceSeconds, ownSeconds)) return `its pod is to go within ${seconds} s`;
  if (seconds < graceSeconds && nowMs > timeOf(deletionTimestamp) - beforeEndMs)
    return `its own grace period of ${seconds} s, which its owner has given it, is over`;
  // An eviction without a grace period of its own does not change ours, and waits.
  const evicted = pod.status?.conditions?.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True');
  const deletedAt = timeOf(deletionTimestamp) - seconds * 1_000;
  return evicted !== undefined && timeOf(evicted.lastTransitionTime) >= deletedAt
    ? `its pod was evicted (${evicted.reason ?? evicted.type})`
    : undefined;
}

function timeOf(moment: Date | string | undefined): number {
  return moment === undefined ? Number.NEGATIVE_INFINITY : new Date(moment).getTime();
}
