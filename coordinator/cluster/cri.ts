/** No Kubernetes: the agents themselves make and remove pods through CRI, and nobody else wants to have a say. */
import { Fault } from '../../proto/fault.ts';
import type { Pod__Output as Pod } from '../../proto/gen/podferry/v1/Pod.ts';
import { unlessGone } from '../agents/agent.ts';
import type { Agents } from '../agents/agents.ts';
import { linger, nobody } from '../migration/linger.ts';
import { whyNotOfNode } from '../migration/network.ts';
import { addressFlag, type Cluster, type PodName } from './cluster.ts';
import { whyUnlike } from './kinship.ts';

/** To kill a container and to remove a sandbox. */
const releaseMs = 30_000;

/**
 * @param load how many migrations a node takes part in, or is to
 * @param addressAnnotation see Cluster
 */
export function criCluster(agents: Agents, load: (node: string) => number, addressAnnotation = ''): Cluster {
  return {
    addressAnnotation,

    async findPod(name, signal) {
      const asked = await Promise.allSettled(
        agents.all.map(async (agent) => {
          await agents.look(agent.node, signal);
          const problem = agents.problemOf(agent.node);
          if (problem !== undefined) throw problem;
          const { pods } = await agent.call('ListPods', { pod: name }, signal);
          return pods.filter((pod) => isThat(pod, name)).map((pod) => ({ ...pod, node: agent.node }));
        }),
      );
      signal.throwIfAborted();
      const pods = asked.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      const absent = asked.flatMap((answer) => (answer.status === 'rejected' ? [reasonOf(answer.reason)] : []));
      return theOne(name, pods, absent);
    },

    async podsOn(node, namespace, signal) {
      const agent = agents.get(node);
      await agents.look(node, signal);
      const problem = agents.problemOf(node);
      if (problem !== undefined) throw problem;
      const { pods } = await agent.call('ListPods', {}, signal);
      const running = pods.filter(({ ref, state }) => state === 'READY' && ['', ref?.namespace].includes(namespace));
      return { pods: running.map(name), schedulable: false };
    },

    examine: () => Promise.resolve({ findings: [], targetPod: null }),

    // Who knows of volumes is Kubernetes.
    sharedMounts: () => Promise.resolve([]),

    whyAddressStays: () =>
      Promise.resolve(
        addressAnnotation === ''
          ? `each node gives its pods addresses of its own, as long as the coordinator is not told otherwise (${addressFlag})`
          : undefined,
      ),

    async pickTarget(pod, network, signal) {
      const others = agents.all.filter(({ node }) => node !== pod.node);
      await Promise.all(others.map((agent) => agents.look(agent.node, signal)));
      const against = (node: string) =>
        agents.problemOf(node)?.message ??
        whyUnlike(agents.factsOf(pod.node), agents.factsOf(node), node) ??
        whyNotOfNode(network, agents.factsOf(node), node);
      const [best] = others
        .filter(({ node }) => against(node) === undefined)
        .sort((a, b) => load(a.node) - load(b.node) || (a.node < b.node ? -1 : 1));
      if (best !== undefined) return best.node;
      const why = others.map(({ node }) => against(node)).join('; ') || 'there is no other node';
      throw new Fault('NodeNotFound', `no node can take ${full(name(pod))} from ${pod.node}: ${why}`);
    },

    // Pods have no objects here, so no two of them could want one name.
    detachSource: () => Promise.resolve(),
    attachSource: () => Promise.resolve('no'),
    planAgain: ({ plan }) => Promise.resolve(plan),
    abandonSource: () => Promise.resolve(),

    async createTargetPod({ target, plan, record }, signal) {
      // The wrapper's own patience ends first, and then this call does.
      const state = await target.call('CreateTargetPod', { migration: plan.id }, signal, plan.wait_deadline_ms);
      record.mark('pod-created');
      return state;
    },

    // Nobody but its agent has a say in it, and the agent tells.
    confirmTargetPod: () => Promise.resolve(),

    removeTargetPod: ({ target, plan, keepImages }, signal) =>
      target.call('DiscardTarget', { migration: plan.id, keep_images: keepImages }, signal),

    // There is nobody but the source who sends clients elsewhere.
    async cutOver({ source, plan, record }, signal) {
      await source.call('PassTraffic', { migration: plan.id }, signal).catch(unlessGone);
      // Nobody asks more of it than that it runs.
      record.mark('pod-ready');
    },

    async releaseSource(course, signal) {
      const { source, plan } = course;
      await linger(course, nobody, signal);
      return await source.call('ReleaseSource', { migration: plan.id }, signal, releaseMs);
    },
  };
}

function theOne(wanted: PodName, pods: readonly Pod[], absent: readonly string[]): Pod {
  const running = pods.filter(({ state }) => state === 'READY');
  const [first, second] = running;
  if (second !== undefined) {
    const where = running.map(({ node, ref }) => `${node} (uid ${ref?.uid ?? ''})`).join(', ');
    throw new Fault('PodAmbiguous', `${full(wanted)} runs more than once: ${where}; name the one by its uid`);
  }
  if (first !== undefined) return first;
  const [stopped] = pods;
  if (stopped !== undefined) {
    throw new Fault(
      'PodNotRunning',
      `${full(wanted)} is on ${stopped.node}, but its sandbox is ${stopped.state}: only a running pod can move`,
    );
  }
  if (absent.length === 0) throw new Fault('PodNotFound', `no node has ${full(wanted)}: are name and namespace right?`);
  throw new Fault(
    'NodeNotReady',
    `${full(wanted)} is on none of the nodes that answer; not asked: ${absent.join('; ')}`,
  );
}

function isThat({ ref }: Pod, { namespace, name, uid }: PodName): boolean {
  return ref?.namespace === namespace && ref.name === name && (uid === '' || ref.uid === uid);
}

function name({ ref }: Pod): PodName {
  return { namespace: ref?.namespace ?? '', name: ref?.name ?? '', uid: ref?.uid ?? '' };
}

function full({ namespace, name, uid }: PodName): string {
  return `pod ${namespace}/${name}${uid === '' ? '' : ` (uid ${uid})`}`;
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
