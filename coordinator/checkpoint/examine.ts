/** Whether a pod can be checkpointed, asked before anything is touched. */
import type { V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../proto/fault.ts';
import type { PodManifest__Output as PodManifest } from '../../proto/gen/podferry/v1/PodManifest.ts';
import { apiFault, bounded, ifThere } from '../cluster/kubernetes/client.ts';
import { partRefusals } from '../cluster/kubernetes/kubernetes.ts';
import { labelsOfOwner } from '../cluster/kubernetes/take-over.ts';
import { controllerOf } from '../cluster/kubernetes/target-pod.ts';
import type { Plan } from '../request.ts';
import type { World } from './world.ts';

/** A request whose every field is legal. */
export interface Wish {
  id: string;
  namespace: string;
  pod: string;
  /** Empty: whichever has the name. */
  uid: string;
  timeoutMs: number;
}

/** A pod that can leave a checkpoint. */
export interface Leaving {
  pod: V1Pod;
  plan: Plan;
  manifest: PodManifest;
  /** By which its owner knows it. */
  ownerLabels: string[];
}

/** How long a pod may stand still before its node thaws it, whatever else happens. */
const freezeDeadlineMs = 10_000;
/** Added to all that may pass before it is over, so that an agent is never the first to lose patience. */
const waitMarginMs = 5_000;

/** @throws Fault with the first reason and all messages */
export async function examine(
  { id, namespace, pod: name, uid, timeoutMs }: Wish,
  { kubernetes, cluster, agents }: World,
  signal: AbortSignal,
): Promise<Leaving> {
  const asked = kubernetes.core.readNamespacedPod({ namespace, name }, bounded(signal));
  const pod = await ifThere(asked).catch((error: unknown) => {
    signal.throwIfAborted();
    throw apiFault(error, `looking for pod ${namespace}/${name}`);
  });
  const is = pod?.metadata?.uid ?? '';
  if (pod !== undefined && uid !== '' && is !== uid) {
    throw new Fault('SourcePodReplaced', `pod ${namespace}/${name} has the UID ${is} now: the one with ${uid} is gone`);
  }
  // Its faults are those of a migration.
  const { node } = await cluster.findPod({ namespace, name, uid: is }, signal);
  if (pod === undefined) throw new Fault('PodNotFound', `there was no pod ${namespace}/${name} a moment ago`);
  const agent = agents.get(node);
  await agents.look(node, signal);
  const problem = agents.problemOf(node);
  if (problem !== undefined) throw problem;
  const ref = { namespace, name, uid: is };
  const strategy = 'stop_and_copy';
  const leaving = await agent.call('PreflightSource', { pod: ref, transport: 'directory', strategy }, signal);
  const [first, ...others] = [...partRefusals(pod), ...leaving.findings];
  if (first !== undefined) {
    const reason = typeof first.reason === 'string' ? first.reason : 'Internal';
    throw new Fault(reason, [first, ...others].map(({ message }) => message).join('; '));
  }
  if (leaving.manifest === null) throw new Fault('Internal', `PreflightSource on ${node} gave no manifest`);
  const ownerLabels = await ownerLabelsOf(kubernetes, pod, signal);
  const plan: Plan = {
    id,
    pod: ref,
    source_node: node,
    target_node: '',
    strategy,
    transport: 'directory',
    freeze_deadline_ms: freezeDeadlineMs,
    wait_deadline_ms: timeoutMs + freezeDeadlineMs + waitMarginMs,
    linger_ms: 0,
    network: 'close',
    network_reason: '',
    address_annotation: '',
    connection_linger_ms: 0,
    target_pod: null,
    checkpoint: { id, digest: '' },
  };
  return { pod, plan, manifest: leaving.manifest, ownerLabels };
}

/** Those by which a controller would take a copy for one of its own, or others would take it for the pod itself. */
async function ownerLabelsOf(kubernetes: World['kubernetes'], pod: V1Pod, signal: AbortSignal): Promise<string[]> {
  const all = Object.keys(pod.metadata?.labels ?? {});
  switch (controllerOf(pod)?.kind) {
    case undefined:
      return [];
    case 'ReplicaSet':
    case 'Job':
      return await labelsOfOwner(kubernetes, pod, signal);
    case 'StatefulSet':
      // Which ones are its own it tells by their names.
      return all.filter((name) => /^((statefulset|apps)\.kubernetes\.io\/|controller-revision-hash$)/.test(name));
    default:
      return all;
  }
}
