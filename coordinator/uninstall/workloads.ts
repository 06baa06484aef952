/** Takes Podferry's own pods away, and waits until they are. */
import type { V1DeleteOptions, V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../proto/fault.ts';
import { bounded, ifThere, type Kubernetes, statusOf } from '../cluster/kubernetes/client.ts';
import type { Patience } from './patience.ts';
import { isReady, nodeOf } from './progress.ts';

export interface Workload {
  kind: 'DaemonSet' | 'Deployment';
  name: string;
  /** By which its pods are known. */
  component: string;
  /** Only that one, and not what somebody else has made under its name since. */
  uid?: string;
}

export const agents: Workload = { kind: 'DaemonSet', name: 'podferry-agent', component: 'agent' };
export const coordinators: Workload = { kind: 'Deployment', name: 'podferry-coordinator', component: 'coordinator' };

/** May be repeated. @throws Fault DeadlineExceeded when pods are still there */
export async function takeAway(
  kubernetes: Kubernetes,
  namespace: string,
  workload: Workload,
  patience: Patience,
  say: (line: string) => void,
): Promise<void> {
  const { kind, name, component, uid } = workload;
  const what = `${kind} ${namespace}/${name}`;
  // Not in the foreground: a pod of a node that is away would keep it half deleted, in the way of who makes it again.
  const propagationPolicy = 'Background';
  const body = { propagationPolicy, ...(uid !== undefined && { preconditions: { uid } }) };
  const isOurs = await patience.ask(`deleting ${what}`, async (signal) => {
    try {
      await remove(kubernetes, { namespace, name, body }, kind, signal);
      return true;
    } catch (error) {
      if (uid === undefined || statusOf(error) !== 409) throw error;
      return false;
    }
  });
  if (!isOurs) return;
  let lost: string[] = [];
  const left = await patience.until(async () => {
    const pods = await podsOf(kubernetes, namespace, component, patience);
    if (pods.length === 0) return [];
    const unreachable = await lostNodes(kubernetes, patience);
    lost = pods.filter((pod) => unreachable.has(nodeOf(pod) ?? '')).map(describe);
    return pods.filter((pod) => !unreachable.has(nodeOf(pod) ?? '')).map(describe);
  });
  if (left.length > 0) {
    throw new Fault(
      'DeadlineExceeded',
      `${what} is deleted, but these pods of it are still there: ${left.join(', ')}. See what keeps them, then try again`,
    );
  }
  say(`${what} and its pods are gone`);
  // Nobody can say that they have ended, and nobody has to wait: what is on a node is for the next step.
  if (lost.length > 0)
    say(`except for pods of nodes that are not ready, which end when these come back: ${lost.join(', ')}`);
}

async function remove(
  { apps }: Kubernetes,
  where: { namespace: string; name: string; body: V1DeleteOptions },
  kind: Workload['kind'],
  signal: AbortSignal,
): Promise<void> {
  const call = bounded(signal);
  await ifThere(
    kind === 'DaemonSet' ? apps.deleteNamespacedDaemonSet(where, call) : apps.deleteNamespacedDeployment(where, call),
  );
}

export async function podsOf(
  { core }: Kubernetes,
  namespace: string,
  component: string,
  patience: Patience,
): Promise<V1Pod[]> {
  const labelSelector = `app.kubernetes.io/name=podferry,app.kubernetes.io/component=${component}`;
  const { items } = await patience.ask(`listing pods of ${namespace}`, async (signal) =>
    core.listNamespacedPod({ namespace, labelSelector }, bounded(signal)),
  );
  return items;
}

async function lostNodes({ core }: Kubernetes, patience: Patience): Promise<Set<string>> {
  const { items } = await patience.ask('listing nodes', async (signal) => core.listNode({}, bounded(signal)));
  return new Set(items.filter((node) => !isReady(node)).map(({ metadata }) => metadata?.name ?? ''));
}

function describe(pod: V1Pod): string {
  return `${pod.metadata?.name} (${nodeOf(pod) ?? 'on no node'})`;
}
