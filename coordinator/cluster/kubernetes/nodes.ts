/** Where a pod may be put, as far as Kubernetes and our agents are concerned. */
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import type { Agents } from '../../agents/agents.ts';
import { type Kubernetes, told } from './client.ts';
import { whyNot } from './room.ts';

/** @returns why not; undefined: it fits */
export async function whyNotOn({ core }: Kubernetes, pod: V1Pod, node: V1Node): Promise<string | undefined> {
  const fieldSelector = `spec.nodeName=${node.metadata?.name}`;
  const listed = core.listPodForAllNamespaces({ fieldSelector });
  const { items } = await told(listed, `listing the pods of node ${node.metadata?.name}`);
  return whyNot(pod, node, items);
}

/** @param except the node that it leaves; empty where it leaves none. @returns also what is against the others */
export async function fittingNodes(
  kubernetes: Kubernetes,
  agents: Agents,
  pod: V1Pod,
  except: string,
  signal: AbortSignal,
): Promise<{ fitting: string[]; reasons: string[] }> {
  const { items } = await told(kubernetes.core.listNode(), 'listing nodes');
  const reasons: string[] = [];
  const fitting: string[] = [];
  for (const node of items) {
    const name = node.metadata?.name ?? '';
    if (name === except || agents.find(name) === undefined) continue;
    await agents.look(name, signal);
    const why = agents.problemOf(name)?.message ?? (await whyNotOn(kubernetes, pod, node));
    if (why === undefined) fitting.push(name);
    else reasons.push(why);
  }
  return { fitting, reasons };
}
