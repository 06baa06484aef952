/** What there is on a node that could move: all but what has finished, and what is on its way out by itself. */
import type { V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import type { NodePods } from '../cluster.ts';
import { apiFault, bounded, ifThere, type Kubernetes } from './client.ts';

/** @param namespace empty: all. @throws Fault NodeNotFound */
export async function podsOn(
  { core }: Kubernetes,
  node: string,
  namespace: string,
  signal: AbortSignal,
): Promise<NodePods> {
  const fieldSelector = `spec.nodeName=${node}`;
  const asked = bounded(signal);
  try {
    const [found, { items }] = await Promise.all([
      ifThere(core.readNode({ name: node }, asked)),
      namespace === ''
        ? core.listPodForAllNamespaces({ fieldSelector }, asked)
        : core.listNamespacedPod({ namespace, fieldSelector }, asked),
    ]);
    if (found === undefined) throw new Fault('NodeNotFound', `Kubernetes has no node ${node}`);
    return { pods: leaversOf(items), schedulable: found.spec?.unschedulable !== true };
  } catch (error) {
    throw apiFault(error, `listing the pods of node ${node}`);
  }
}

export function leaversOf(pods: readonly V1Pod[]): NodePods['pods'] {
  return pods.filter(stays).map(nameOf);
}

function stays({ metadata, status }: V1Pod): boolean {
  return metadata?.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

function nameOf({ metadata }: V1Pod) {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}
