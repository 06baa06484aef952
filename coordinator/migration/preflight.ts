/** Everything that is against a migration, asked for before anything is touched, and said all at once. */
import { Fault, type Reason } from '../../proto/fault.ts';
import type { Finding__Output as Finding } from '../../proto/gen/podferry/v1/Finding.ts';
import type { Pod__Output as Pod } from '../../proto/gen/podferry/v1/Pod.ts';
import type { PodManifest__Output as PodManifest } from '../../proto/gen/podferry/v1/PodManifest.ts';
import type { Agent } from '../agents/agent.ts';
import type { Agents } from '../agents/agents.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { makePlan, type Plan, type Wish } from '../request.ts';
import { type Choice, chooseNetwork } from './network.ts';

const known: readonly Wish['strategy'][] = ['stop_and_copy', 'post_copy'];

export interface Refusal {
  reason: Reason;
  message: string;
}

/** What is against it may be nothing. There is no plan as long as pod or target are not known. */
export interface Examined {
  plan: Plan | undefined;
  manifest: PodManifest | undefined;
  findings: Refusal[];
}

export async function preflight(
  id: string,
  wish: Wish,
  agents: Agents,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<Examined> {
  const findings: Refusal[] = [];
  const noted = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      signal.throwIfAborted();
      const { reason, message } = Fault.from(error, 'Internal');
      findings.push({ reason, message });
      return undefined;
    }
  };
  if (!known.includes(wish.strategy)) {
    const name = wish.strategy.replaceAll('_', '-');
    findings.push({
      reason: 'StrategyUnavailable',
      message: `strategy ${name} is not there yet: use stop-and-copy, post-copy or auto`,
    });
  }
  const pod = await noted(cluster.findPod(wish.pod, signal));
  const target = await noted(nodeFor(wish, pod, agents, cluster, signal));
  if (pod === undefined || target === undefined) return { plan: undefined, manifest: undefined, findings };
  const seen = await noted(cluster.examine(pod, target, id, signal));
  findings.push(...(seen?.findings ?? []));
  const route = { sourceNode: pod.node, targetNode: target, targetPod: seen?.targetPod ?? null };
  const between = { pod: pod.ref, source_node: pod.node, target_node: target };
  const choice = await noted(networkFor(wish, between, agents, cluster, signal));
  const plan = makePlan(id, wish, pod.ref?.uid ?? '', route, choice ?? unknown, cluster.addressAnnotation);
  if (pod.node === target) {
    findings.push({
      reason: 'SameNode',
      message: `pod ${wish.pod.namespace}/${wish.pod.name} is on ${target} already: name another node`,
    });
    return { plan, manifest: undefined, findings };
  }
  if (agents.problemOf(pod.node) === undefined) findings.push(...problemsOf(agents, pod.node));
  // What is not known of a node says nothing about its network.
  if (choice?.refusal !== undefined && agents.problemOf(target) === undefined)
    findings.push({ reason: 'NetworkUnavailable', message: choice.refusal });
  if (agents.problemOf(target) !== undefined || !known.includes(wish.strategy))
    return { plan, manifest: undefined, findings };
  findings.push(...problemsOf(agents, target));
  const examined = await noted(examinePods(cluster, agents.get(pod.node), agents.get(target), plan, signal));
  findings.push(...(examined?.findings ?? []));
  return { plan, manifest: examined?.manifest, findings: withoutRepeats(findings) };
}

const unknown: Choice = { network: 'NETWORK_UNSPECIFIED', network_reason: '' };

/** What becomes of the connections of a pod between two nodes that have been looked at. */
export async function networkFor(
  wish: Pick<Wish, 'network' | 'connectionLingerMs'>,
  { pod, source_node, target_node }: Pick<Plan, 'pod' | 'source_node' | 'target_node'>,
  agents: Agents,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<ReturnType<typeof chooseNetwork>> {
  const addressStays = await cluster.whyAddressStays(pod, target_node, signal);
  const sideOf = (node: string) => ({ node, facts: agents.factsOf(node) });
  return chooseNetwork(wish, { source: sideOf(source_node), target: sideOf(target_node), addressStays });
}

async function nodeFor(
  wish: Wish,
  pod: Pod | undefined,
  agents: Agents,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (wish.targetNode === '')
    return pod === undefined ? undefined : await cluster.pickTarget(pod, wish.network, signal);
  const target = wish.targetNode;
  agents.get(target);
  await Promise.all([target, pod?.node ?? target].map((node) => agents.look(node, signal)));
  const problem = agents.problemOf(target);
  if (problem !== undefined) throw problem;
  return target;
}

function problemsOf(agents: Agents, node: string): Refusal[] {
  return (agents.factsOf(node)?.problems ?? []).map((problem) => refusal(problem, node));
}

/** What is wrong with a node is found by asking for its facts, and again by asking for a pod on it. */
function withoutRepeats(findings: readonly Refusal[]): Refusal[] {
  const known = new Map(findings.map((finding) => [`${finding.reason} ${finding.message}`, finding]));
  return [...known.values()];
}

/** Both agents' own say. The target is asked too when the source has already refused, so that nobody has to ask twice. */
export async function examinePods(
  cluster: Cluster,
  source: Agent,
  target: Agent,
  plan: Plan,
  signal: AbortSignal,
): Promise<{ findings: Refusal[]; manifest: PodManifest | undefined }> {
  const { pod, transport, strategy, target_pod } = plan;
  const shared_mounts = await cluster.sharedMounts({ plan, source }, signal);
  const leaving = await source.call('PreflightSource', { pod, transport, strategy, shared_mounts }, signal);
  const manifest = leaving.manifest ?? undefined;
  const findings = leaving.findings.map((finding) => refusal(finding, source.node));
  if (manifest === undefined) {
    if (findings.length === 0)
      throw new Fault('Internal', `PreflightSource on ${source.node} gave neither a manifest nor a reason`);
    return { findings, manifest };
  }
  const pulls = target_pod !== null;
  const arriving = await target.call('PreflightTarget', { manifest, transport, strategy, pulls }, signal);
  findings.push(...arriving.findings.map((finding) => refusal(finding, target.node)));
  return { findings, manifest };
}

function refusal({ reason, message }: Finding, node: string): Refusal {
  const known = typeof reason === 'string' && reason !== 'REASON_UNSPECIFIED' ? reason : 'Internal';
  return { reason: known, message: message.includes(node) ? message : `${node}: ${message}` };
}
