/** Pods are objects of an API server, and kubelet starts and ends them: the coordinator makes and deletes objects. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import type { Pod__Output as Pod } from '../../../proto/gen/podferry/v1/Pod.ts';
import { unlessGone } from '../../agents/agent.ts';
import type { Agents } from '../../agents/agents.ts';
import type { Refusal } from '../../migration/preflight.ts';
import type { Plan } from '../../request.ts';
import type { Cluster, PodName } from '../cluster.ts';
import { apiFault, ifThere, type Kubernetes, statusOf, told } from './client.ts';
import { followEndpoints } from './endpoints.ts';
import { fittingNodes, whyNotOn } from './nodes.ts';
import { runtimeClass, targetNameOf, targetPodOf } from './target-pod.ts';
import { removePod, startPod } from './target-start.ts';
import { labelsOfOwner, need, ownerRefusals, takeOver } from './take-over.ts';

/** Kubelet looks at its containers once a second, and probes have periods of their own. */
const readyPatienceMs = 30_000;
const endpointsPatienceMs = 10_000;
/** Above the linger: the time to kill a container. */
const releaseMarginMs = 30_000;

/** @param load how many migrations a node takes part in now */
export function kubernetesCluster(kubernetes: Kubernetes, agents: Agents, load: (node: string) => number): Cluster {
  const { core } = kubernetes;

  async function podNamed({ namespace, name, uid }: PodName): Promise<V1Pod | undefined> {
    const pod = await told(
      ifThere(core.readNamespacedPod({ namespace, name })),
      `looking for pod ${namespace}/${name}`,
    );
    return uid === '' || pod?.metadata?.uid === uid ? pod : undefined;
  }

  const sourceOf = async ({ pod }: Plan) => await podNamed(pod ?? { namespace: '', name: '', uid: '' });
  const targetOf = async ({ target_pod }: Plan) => await podNamed({ namespace: '', name: '', ...target_pod, uid: '' });

  async function refusalsOfNode(pod: V1Pod, node: string): Promise<Refusal[]> {
    const found = await told(ifThere(core.readNode({ name: node })), `looking at node ${node}`);
    if (found === undefined) return [{ reason: 'NodeNotFound', message: `Kubernetes has no node ${node}` }];
    const why = await whyNotOn(kubernetes, pod, found);
    return why === undefined ? [] : [{ reason: 'NodeNotReady', message: why }];
  }

  return {
    async findPod(wanted) {
      const pod = await podNamed(wanted);
      if (pod === undefined) {
        throw new Fault('PodNotFound', `there is no ${full(wanted)}: are namespace and name right?`);
      }
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

    async examine({ ref }, target, id) {
      const { namespace = '', name = '', uid = '' } = ref ?? {};
      const pod = await podNamed({ namespace, name, uid });
      if (pod === undefined) throw new Fault('PodNotFound', `pod ${namespace}/${name} is gone`);
      const findings = [...ownerRefusals(pod), ...partRefusals(pod), ...(await refusalsOfNode(pod, target))];
      return { findings, targetPod: { namespace, name: targetNameOf(pod, id), uid: '' } };
    },

    async pickTarget(pod, signal) {
      const wanted = pod.ref ?? { namespace: '', name: '', uid: '' };
      const object = await podNamed(wanted);
      if (object === undefined) throw new Fault('PodNotFound', `there is no ${full(wanted)} any more`);
      const { fitting, reasons } = await fittingNodes(kubernetes, agents, object, pod.node, signal);
      const [best] = fitting.sort((a, b) => load(a) - load(b) || (a < b ? -1 : 1));
      if (best !== undefined) return best;
      const why = reasons.join('; ') || 'there is no other node with an agent';
      throw new Fault('NodeNotFound', `no node can take ${full(wanted)} from ${pod.node}: ${why}`);
    },

    async createTargetPod({ plan, target }, signal) {
      const source = await sourceOf(plan);
      if (source === undefined) throw new Fault('PodNotRunning', `pod ${plan.pod?.name} was deleted meanwhile`);
      const heldBack = await labelsOfOwner(kubernetes, source);
      return await startPod(kubernetes, targetPodOf(source, plan, heldBack), plan, target, signal);
    },

    async confirmTargetPod({ plan }) {
      const pod = await targetOf(plan);
      if (pod?.metadata?.deletionTimestamp === undefined && pod !== undefined) return;
      const { namespace = '', name = '' } = plan.target_pod ?? {};
      throw new Fault('TargetPrepareFailed', `pod ${namespace}/${name} was deleted before it got its memory`);
    },

    async removeTargetPod({ plan, target, keepImages }, signal) {
      return await removePod(kubernetes, plan, target, keepImages, signal);
    },

    async cutOver({ plan, source: agent }, signal) {
      await agent.call('CloseConnections', { migration: plan.id }, signal).catch(unlessGone);
      const target = await until(readyPatienceMs, signal, async () => {
        const pod = need(await targetOf(plan), `pod ${plan.target_pod?.name}`);
        return { done: isReady(pod), value: pod };
      });
      const source = await sourceOf(plan);
      if (source === undefined) return;
      await takeOver(kubernetes, source, target);
      await followEndpoints(kubernetes, source, target, endpointsPatienceMs, signal);
    },

    async releaseSource({ plan, source }, signal) {
      const { namespace = '', name = '', uid = '' } = plan.pod ?? {};
      const remove = async (gracePeriodSeconds: number) => {
        const body = { preconditions: { uid }, gracePeriodSeconds };
        try {
          await ifThere(core.deleteNamespacedPod({ namespace, name, body }));
        } catch (error) {
          // Another pod has the name by now: this one is gone.
          if (statusOf(error) !== 409) throw apiFault(error, `deleting pod ${namespace}/${name}`, 'ReleaseFailed');
        }
      };
      // On its way out it is in no endpoints any more and nobody starts its containers again; frozen, it hears nothing.
      await remove(Math.ceil((plan.linger_ms + releaseMarginMs) / 1000));
      const request = { migration: plan.id, linger_ms: plan.linger_ms };
      const state = await source.call('ReleaseSource', request, signal, plan.linger_ms + releaseMarginMs);
      await remove(0);
      return state;
    },
  };
}

/** What a pod has that this kind of cluster does not know how to move yet. */
export function partRefusals({ spec, status }: V1Pod): Refusal[] {
  const findings: Refusal[] = [];
  const parts = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const running = parts.filter(({ state }) => state?.running !== undefined);
  const restarted = running.filter(({ restartCount }) => restartCount > 0).map(({ name }) => name);
  if (running.length > 1 && restarted.length > 0) {
    const message = `containers ${restarted.join(', ')} were started again: then the order of several is not known`;
    findings.push({ reason: 'RuntimeUnsupported', message });
  }
  for (const { name, persistentVolumeClaim } of spec?.volumes ?? []) {
    if (persistentVolumeClaim === undefined) continue;
    const message = `volume ${name} is claim ${persistentVolumeClaim.claimName}: claims are not moved yet`;
    findings.push({ reason: 'HostPathVolume', message });
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
