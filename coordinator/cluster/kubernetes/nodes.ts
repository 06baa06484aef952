/** Where a pod may be put, as far as Kubernetes and our agents are concerned. */
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import type { Agents } from '../../agents/agents.ts';
import { whyNotOfNode } from '../../migration/network.ts';
import type { Plan } from '../../request.ts';
import { whyUnlike } from '../kinship.ts';
import { bounded, type Kubernetes, told } from './client.ts';
import { whyNot } from './room.ts';
import { lookAtVolumes } from './volumes.ts';

/** @returns why not; undefined: it fits */
export async function whyNotOn(
  kubernetes: Kubernetes,
  pod: V1Pod,
  node: V1Node,
  signal: AbortSignal,
): Promise<string | undefined> {
  const fieldSelector = `spec.nodeName=${node.metadata?.name}`;
  const listed = kubernetes.core.listPodForAllNamespaces({ fieldSelector }, bounded(signal));
  const { items } = await told(listed, `listing the pods of node ${node.metadata?.name}`);
  const { notThere } = await lookAtVolumes(kubernetes, pod, node.metadata?.name ?? '', signal);
  return whyNot(pod, node, items) ?? notThere;
}

/** @param except the node that it leaves; empty where it leaves none. @param network that was asked for. @returns also what is against the others */
export async function fittingNodes(
  kubernetes: Kubernetes,
  agents: Agents,
  pod: V1Pod,
  except: string,
  network: Plan['network'],
  signal: AbortSignal,
): Promise<{ fitting: string[]; reasons: string[] }> {
  const { items } = await told(kubernetes.core.listNode({}, bounded(signal)), 'listing nodes');
  const reasons: string[] = [];
  const fitting: string[] = [];
  for (const node of items) {
    const name = node.metadata?.name ?? '';
    if (name === except || agents.find(name) === undefined) continue;
    await agents.look(name, signal);
    const facts = agents.factsOf(name);
    const unlike = except === '' ? undefined : whyUnlike(agents.factsOf(except), facts, name);
    const unable = whyNotOfNode(network, facts, name);
    const why = agents.problemOf(name)?.message ?? unlike ?? unable ?? (await whyNotOn(kubernetes, pod, node, signal));
    if (why === undefined) fitting.push(name);
    else reasons.push(why);
  }
  return { fitting, reasons };
}
