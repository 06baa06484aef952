/**
 * Whether a StatefulSet's pod can move: under its own name, and so that its set takes the target for the pod that it
 * would have made itself.
 */
import type { V1Pod, V1StatefulSet } from '@kubernetes/client-node';
import type { Refusal } from '../../migration/preflight.ts';
import { apiFault, bounded, ifThere, type Kubernetes } from './client.ts';
import { controllerOf, keepsItsName, runtimeClass } from './target-pod.ts';

const revisionLabel = 'controller-revision-hash';

/** None for any other pod. */
export async function statefulSetRefusals(kubernetes: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<Refusal[]> {
  return keepsItsName(pod) ? whyNotOf(pod, await setOf(kubernetes, pod, signal)) : [];
}

/** Whether its set would have a pod of that name. */
export async function isWanted(kubernetes: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<boolean> {
  const set = await setOf(kubernetes, pod, signal);
  if (set === undefined) return false;
  const ordinal = Number(/-(\d+)$/.exec(pod.metadata?.name ?? '')?.[1]);
  const { replicas = 1, ordinals } = set.spec ?? {};
  const first = ordinals?.start ?? 0;
  return ordinal >= first && ordinal < first + replicas;
}

/** Undefined when it is gone or on its way. */
async function setOf({ apps }: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<V1StatefulSet | undefined> {
  const { name = '', uid } = controllerOf(pod) ?? {};
  const namespace = pod.metadata?.namespace ?? '';
  try {
    const set = await ifThere(apps.readNamespacedStatefulSet({ namespace, name }, bounded(signal)));
    const isThat = set?.metadata?.uid === uid && set?.metadata?.deletionTimestamp === undefined;
    return isThat ? set : undefined;
  } catch (error) {
    throw apiFault(error, `looking at StatefulSet ${namespace}/${name}`);
  }
}

/** Pure. */
export function whyNotOf(pod: V1Pod, set: V1StatefulSet | undefined): Refusal[] {
  const name = controllerOf(pod)?.name ?? '';
  const findings: Refusal[] = [];
  const say = (reason: Refusal['reason'], message: string) => void findings.push({ reason, message });
  if (pod.spec?.runtimeClassName !== runtimeClass) {
    say(
      'RuntimeUnsupported',
      `the pod of StatefulSet ${name} does not run under runtimeClassName ${runtimeClass}: its name can only go to another ` +
        'pod while it is kept alive without an object, and only that handler can; set it in the template',
    );
  }
  if (set === undefined) {
    say('PodNotRunning', `StatefulSet ${name} is gone or being deleted, and its pods with it`);
    return findings;
  }
  const { currentRevision, updateRevision } = set.status ?? {};
  const revision = pod.metadata?.labels?.[revisionLabel];
  if (currentRevision !== updateRevision || revision !== updateRevision) {
    say('PodNotRunning', `StatefulSet ${name} is being rolled out: move its pods when all have the new revision`);
  }
  return findings;
}
