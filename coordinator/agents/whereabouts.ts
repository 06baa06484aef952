/** Where the agent of a node is, as far as pods tell. Pure. */
import { isIPv6 } from 'node:net';
import type { V1Pod } from '@kubernetes/client-node';
import type { Place } from './agent.ts';

/** What is read of a pod; a watch has times as text. */
export type AgentPod = Pick<V1Pod, 'spec' | 'status'> & {
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp?: Date | string;
    deletionTimestamp?: Date | string;
  };
};

/**
 * A roll-out has two pods of one node for a while: the one that has come to stay counts, as soon as it can be asked.
 * @param pods all agents' pods of one node
 */
export function whereaboutsOf(pods: readonly AgentPod[], port: number): Place {
  const [best] = pods.filter(({ status }) => status?.phase === 'Running' && status.podIP).sort(byWorth);
  const ip = best?.status?.podIP;
  if (ip !== undefined) return { address: isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}` };
  const coming = pods.filter(isStaying).sort(byWorth).at(0);
  const phase = coming?.status?.phase ?? 'Pending';
  const why =
    coming === undefined
      ? "its agent's pod is gone"
      : `its agent's pod ${coming.metadata.name} is not running: ${phase}`;
  return { address: undefined, why };
}

function byWorth(a: AgentPod, b: AgentPod): number {
  return rankOf(a) - rankOf(b) || createdAt(b) - createdAt(a);
}

/** One on its way out may still bring to an end what it is in the middle of, as long as there is no other. */
function rankOf(pod: AgentPod): number {
  const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
  if (!isStaying(pod)) return 2;
  return ready ? 0 : 1;
}

function isStaying({ metadata }: AgentPod): boolean {
  return metadata.deletionTimestamp === undefined;
}

function createdAt({ metadata }: AgentPod): number {
  return new Date(metadata.creationTimestamp ?? 0).getTime();
}
