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
export async function statefulSetRefusals({ apps }: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<Refusal[]> {
  const owner = controllerOf(pod);
  if (owner === undefined || !keepsItsName(pod)) return [];
  const namespace = pod.metadata?.namespace ?? '';
  try {
    const set = await ifThere(apps.readNamespacedStatefulSet({ namespace, name: owner.name }, bounded(signal)));
    return whyNotOf(pod, set?.metadata?.uid === owner.uid ? set : undefined);
  } catch (error) {
    throw apiFault(error, `looking at StatefulSet ${namespace}/${owner.name}`);
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
  if (set === undefined || set.metadata?.deletionTimestamp !== undefined) {
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
