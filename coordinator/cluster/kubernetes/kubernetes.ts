/** Pods are objects of an API server, and kubelet starts and ends them: the coordinator makes and deletes objects. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import type { Pod__Output as Pod } from '../../../proto/gen/podferry/v1/Pod.ts';
import { unlessGone } from '../../agents/agent.ts';
import type { Agents } from '../../agents/agents.ts';
import type { Refusal } from '../../migration/preflight.ts';
import type { Plan } from '../../request.ts';
import { addressFlag, type Cluster, type PodName } from '../cluster.ts';
import { bounded, ifThere, type Kubernetes, told } from './client.ts';
import { abandonSource, attachSource, detachSource, sourceObject } from './detach.ts';
import { addEndpoints, followEndpoints, forgetEndpoints } from './endpoints.ts';
import { podsOn } from './node-pods.ts';
import { fittingNodes, whyNotOn } from './nodes.ts';
import { refuseOwn } from './own-pods.ts';
import { isReleased, releaseSource } from './release.ts';
import { statefulSetRefusals } from './stateful-set.ts';
import { migrationAnnotation, runtimeClass, targetNameOf, targetPodOf } from './target-pod.ts';
import { removePod, startPod } from './target-start.ts';
import { labelsOfOwner, need, ownerRefusals, takeOver } from './take-over.ts';
import { lookAtVolumes } from './volumes.ts';

/** Kubelet looks at its containers once a second, and probes have periods of their own. */
const readyPatienceMs = 30_000;
const endpointsPatienceMs = 10_000;

/**
 * @param own the namespace of this coordinator
 * @param load how many migrations a node takes part in, or is to
 * @param addressAnnotation see Cluster
 */
export function kubernetesCluster(
  kubernetes: Kubernetes,
  own: string,
  agents: Agents,
  load: (node: string) => number,
  addressAnnotation = '',
): Cluster {
  const { core } = kubernetes;

  async function podNamed({ namespace, name, uid }: PodName, signal: AbortSignal): Promise<V1Pod | undefined> {
    const asked = ifThere(core.readNamespacedPod({ namespace, name }, bounded(signal)));
    const pod = await told(asked, `looking for pod ${namespace}/${name}`);
    return uid === '' || pod?.metadata?.uid === uid ? pod : undefined;
  }

  /** Its name may be the source's. */
  async function targetOf({ id, target_pod }: Plan, signal: AbortSignal): Promise<V1Pod | undefined> {
    const pod = await podNamed({ namespace: '', name: '', ...target_pod, uid: '' }, signal);
    return pod?.metadata?.annotations?.[migrationAnnotation] === id ? pod : undefined;
  }

  async function refusalsOfNode(pod: V1Pod, node: string, signal: AbortSignal): Promise<Refusal[]> {
    const found = await told(ifThere(core.readNode({ name: node }, bounded(signal))), `looking at node ${node}`);
    if (found === undefined) return [{ reason: 'NodeNotFound', message: `Kubernetes has no node ${node}` }];
    const why = await whyNotOn(kubernetes, pod, found, signal);
    return why === undefined ? [] : [{ reason: 'NodeNotReady', message: why }];
  }

  /** A node that can take a pod away from another one. @throws Fault NodeNotFound with every node's reason */
  async function pickNode(pod: V1Pod, from: string, network: Plan['network'], signal: AbortSignal): Promise<string> {
    const { fitting, reasons } = await fittingNodes(kubernetes, agents, pod, from, network, signal);
    const [best] = fitting.sort((a, b) => load(a) - load(b) || (a < b ? -1 : 1));
    if (best !== undefined) return best;
    const why = reasons.join('; ') || 'there is no other node with an agent';
    const { namespace, name } = pod.metadata ?? {};
    throw new Fault('NodeNotFound', `no node can take pod ${namespace}/${name} from ${from}: ${why}`);
  }

  return {
    addressAnnotation,

    async findPod(wanted, signal) {
      const pod = await podNamed(wanted, signal);
      if (pod === undefined) {
        throw new Fault('PodNotFound', `there is no ${full(wanted)}: are namespace and name right?`);
      }
      refuseOwn(pod, own);
      const node = pod.spec?.nodeName ?? '';
      const phase = pod.metadata?.deletionTimestamp === undefined ? pod.status?.phase : 'Terminating';
      if (phase !== 'Running') {
        throw new Fault('PodNotRunning', `${full(wanted)} is ${phase ?? 'unknown'}: only a running pod can move`);
      }
      if (agents.find(node) === undefined) {
        throw new Fault('NodeNotReady', `${full(wanted)} runs on ${node}, which has no agent that is known here`);
      }
      return asPod(pod, node);
    },

    async podsOn(node, namespace, signal) {
      agents.get(node);
      return await podsOn(kubernetes, node, namespace, signal);
    },

    async examine({ ref }, target, id, signal) {
      const { namespace = '', name = '', uid = '' } = ref ?? {};
      const pod = await podNamed({ namespace, name, uid }, signal);
      if (pod === undefined) throw new Fault('PodNotFound', `pod ${namespace}/${name} is gone`);
      const ofOwner = [...ownerRefusals(pod), ...(await statefulSetRefusals(kubernetes, pod, signal))];
      const { refusals } = await lookAtVolumes(kubernetes, pod, target, signal);
      const ofParts = [...partRefusals(pod), ...refusals];
      const findings = [...ofOwner, ...ofParts, ...(await refusalsOfNode(pod, target, signal))];
      return { findings, targetPod: { namespace, name: targetNameOf(pod, id), uid: '' } };
    },

    async sharedMounts(of, signal) {
      const { pod, target_node } = of.plan;
      const object = await sourceObject(kubernetes, of, signal);
      if (object === undefined) throw new Fault('PodNotFound', `pod ${pod?.namespace}/${pod?.name} is gone`);
      return (await lookAtVolumes(kubernetes, object, target_node, signal)).sharedMounts;
    },

    // Which node has which address is the network plugin's affair: an operator knows what it can do.
    whyAddressStays: () =>
      Promise.resolve(
        addressAnnotation === ''
          ? `nobody has told the coordinator of an annotation by which a pod gets its address on another node (${addressFlag})`
          : undefined,
      ),

    async pickTarget(pod, network, signal) {
      const wanted = pod.ref ?? { namespace: '', name: '', uid: '' };
      const object = await podNamed(wanted, signal);
      if (object === undefined) throw new Fault('PodNotFound', `there is no ${full(wanted)} any more`);
      const [never] = ownerRefusals(object);
      if (never !== undefined) throw new Fault(never.reason, never.message);
      return await pickNode(object, pod.node, network, signal);
    },

    detachSource: async (course, signal) => await detachSource(kubernetes, course, signal),
    attachSource: async (course, signal) => await attachSource(kubernetes, course, signal),
    abandonSource: async (course, signal) => await abandonSource(kubernetes, course, signal),

    async planAgain(course, signal) {
      const { plan } = course;
      await agents.look(plan.target_node, signal);
      const pod = await sourceObject(kubernetes, course, signal);
      if (pod === undefined) return plan;
      const node = await ifThere(core.readNode({ name: plan.target_node }, bounded(signal)));
      const canTakeIt =
        node !== undefined &&
        agents.problemOf(plan.target_node) === undefined &&
        (await whyNotOn(kubernetes, pod, node, signal)) === undefined;
      if (canTakeIt) return plan;
      const asked = plan.network_reason === '' ? plan.network : 'NETWORK_UNSPECIFIED';
      return { ...plan, target_node: await pickNode(pod, plan.source_node, asked, signal) };
    },

    async createTargetPod(course, signal) {
      const { plan, target, record } = course;
      const source = await sourceObject(kubernetes, course, signal);
      if (source === undefined) throw new Fault('PodNotRunning', `pod ${plan.pod?.name} was deleted meanwhile`);
      const heldBack = await labelsOfOwner(kubernetes, source, signal);
      const made = () => record.mark('pod-created');
      return await startPod(kubernetes, targetPodOf(source, plan, heldBack), plan, target, signal, made);
    },

    async confirmTargetPod({ plan }, signal) {
      const pod = await targetOf(plan, signal);
      if (pod?.metadata?.deletionTimestamp === undefined && pod !== undefined) return;
      const { namespace = '', name = '' } = plan.target_pod ?? {};
      throw new Fault('TargetPrepareFailed', `pod ${namespace}/${name} was deleted before it got its memory`);
    },

    async removeTargetPod({ plan, target, keepImages }, signal) {
      return await removePod(kubernetes, plan, target, keepImages, signal);
    },

    async cutOver(course, signal) {
      const { plan, source: agent, targetState, record } = course;
      // Clients wait for it.
      await agent.call('PassTraffic', { migration: plan.id }, signal).catch(unlessGone);
      const source = await sourceObject(kubernetes, course, signal);
      const found = await targetOf(plan, signal);
      if (await isReleased(kubernetes, plan, source, found, signal))
        return await forgetEndpoints(kubernetes, plan, signal);
      const made = need(found, `pod ${plan.target_pod?.name}`);
      const { name = '', uid = '' } = made.metadata ?? {};
      const address = targetState?.pod_ip || made.status?.podIP;
      if (source !== undefined && address !== undefined)
        await addEndpoints(kubernetes, plan, source, { address, name, uid }, signal);
      const target = await until(readyPatienceMs, signal, async () => {
        const pod = need(await targetOf(plan, signal), `pod ${name}`);
        return { done: isReady(pod), value: pod };
      });
      if (isReady(target)) record.mark('pod-ready');
      if (source !== undefined) {
        await takeOver(kubernetes, source, target, signal);
        await followEndpoints(kubernetes, plan, source, target, endpointsPatienceMs, signal);
      }
      await forgetEndpoints(kubernetes, plan, signal);
    },

    releaseSource: async (course, signal) => await releaseSource(kubernetes, course, signal),
  };
}

/** What a pod has that this kind of cluster does not know how to move yet. */
export function partRefusals({ status }: V1Pod): Refusal[] {
  const findings: Refusal[] = [];
  const parts = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const running = parts.filter(({ state }) => state?.running !== undefined);
  const restarted = running.filter(({ restartCount }) => restartCount > 0).map(({ name }) => name);
  if (running.length > 1 && restarted.length > 0) {
    const message = `containers ${restarted.join(', ')} were started again: then the order of several is not known`;
    findings.push({ reason: 'RuntimeUnsupported', message });
  }
  return findings;
}

function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
}

/** Asks again until it is so, or as long as that makes sense. @returns what was seen last */
async function until<T>(
  patienceMs: number,
  signal: AbortSignal,
  look: () => Promise<{ done: boolean; value: T }>,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const { done, value } = await look();
    if (done || performance.now() > end) return value;
    await sleep(100, undefined, { signal });
  }
}

function asPod({ metadata, status, spec }: V1Pod, node: string): Pod {
  return {
    ref: { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '' },
    node,
    // Agents name it where it counts.
    sandbox_id: '',
    state: 'READY',
    ip: status?.podIP ?? '',
    handler: spec?.runtimeClassName === runtimeClass ? runtimeClass : '',
  };
}

function full({ namespace, name, uid }: PodName): string {
  return `pod ${namespace}/${name}${uid === '' ? '' : ` (uid ${uid})`}`;
}
