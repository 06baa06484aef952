/** From the pod object to a CRIU that waits on the target node, and what kubelet may have against it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import { type Agent, unlessGone } from '../../agents/agent.ts';
import type { TargetState } from '../../migration/observe.ts';
import type { Plan } from '../../request.ts';
import { apiFault, bounded, ifThere, type Kubernetes, statusOf } from './client.ts';
import { migrationAnnotation } from './target-pod.ts';

const lookMs = 500;
/** What StopContainer and the end of a sandbox may take. */
const deletePatienceMs = 25_000;

/** Resolves when the pod's CRIU waits. @param made told when its object is there */
export async function startPod(
  kubernetes: Kubernetes,
  wanted: V1Pod,
  plan: Plan,
  target: Agent,
  signal: AbortSignal,
  made: () => void = () => {},
): Promise<TargetState> {
  const pod = await makePod(kubernetes, wanted, signal);
  made();
  const done = new AbortController();
  const ends = AbortSignal.any([signal, done.signal]);
  const request = { migration: plan.id, uid: pod.metadata?.uid ?? '' };
  try {
    const waits = target.call('AwaitTargetPod', request, ends, plan.wait_deadline_ms);
    waits.catch(() => {});
    return await Promise.race([waits, watchStart(kubernetes, pod, ends)]);
  } finally {
    done.abort(new Fault('Cancelled', 'the target waits, or never will'));
  }
}

/** Undoes startPod() and all else of the target's side, also of one that was made only in part. */
export async function removePod(
  kubernetes: Kubernetes,
  plan: Plan,
  target: Agent,
  keepImages: boolean,
  signal: AbortSignal,
): Promise<TargetState> {
  const request = { migration: plan.id, keep_images: keepImages };
  // Told first, so that kubelet is not held up by a start that lasts until the migration ends.
  await target.call('DiscardTarget', { ...request, pod_is_gone: false }, signal).catch(unlessGone);
  await deletePod(kubernetes, plan, deletePatienceMs, signal);
  return await target.call('DiscardTarget', { ...request, pod_is_gone: true }, signal);
}

/** The one that stands there already, if an earlier try has made it. @throws Fault TargetPrepareFailed */
async function makePod(kubernetes: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<V1Pod> {
  const { namespace = '', name = '', annotations } = pod.metadata ?? {};
  const { core } = kubernetes;
  const what = `making pod ${namespace}/${name}`;
  try {
    return await core.createNamespacedPod({ namespace, body: pod }, bounded(signal));
  } catch (error) {
    if (statusOf(error) !== 409) throw apiFault(error, what, 'TargetPrepareFailed');
  }
  const there = await ifThere(core.readNamespacedPod({ namespace, name }, bounded(signal)));
  const isOurs = there?.metadata?.annotations?.[migrationAnnotation] === annotations?.[migrationAnnotation];
  if (there === undefined || !isOurs) throw new Fault('TargetPrepareFailed', `${what}: another pod has that name`);
  if (there.spec?.nodeName === pod.spec?.nodeName) return there;
  // Of an earlier try, on a node that could not be asked to end it. It never got its go, so nothing of it runs there.
  const body = { preconditions: { uid: there.metadata?.uid ?? '' }, gracePeriodSeconds: 0 };
  await ifThere(core.deleteNamespacedPod({ namespace, name, body }, bounded(signal)));
  return await makePod(kubernetes, pod, signal);
}

/** Only ends when kubelet cannot start it, or at the abort. @throws Fault ImageMissing, TargetPrepareFailed */
async function watchStart({ core }: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<never> {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  for (;;) {
    await sleep(lookMs, undefined, { signal });
    // An API server that is away for a moment is no reason to give up.
    const now = await ifThere(core.readNamespacedPod({ namespace, name }, bounded(signal))).catch(() => pod);
    if (now === undefined) throw new Fault('TargetPrepareFailed', `pod ${namespace}/${name} was deleted`);
    const fault = faultOf(now);
    if (fault !== undefined) throw fault;
  }
}

function faultOf({ metadata, status }: V1Pod): Fault | undefined {
  const pod = `pod ${metadata?.namespace}/${metadata?.name}`;
  if (metadata?.deletionTimestamp !== undefined) return new Fault('TargetPrepareFailed', `${pod} is being deleted`);
  if (status?.phase === 'Failed') {
    return new Fault(
      'TargetPrepareFailed',
      `${pod}: ${status.reason ?? 'Failed'}: ${status.message ?? 'no reason given'}`,
    );
  }
  for (const { name, state } of status?.containerStatuses ?? []) {
    const { reason, message } = state?.waiting ?? {};
    if (reason === undefined || ['ContainerCreating', 'PodInitializing'].includes(reason)) continue;
    const what = `${pod}, container ${name}: ${reason}: ${message ?? ''}`;
    return new Fault(/Image/.test(reason) ? 'ImageMissing' : 'TargetPrepareFailed', what);
  }
  return undefined;
}

/** Deletes a target and waits until kubelet has nothing of it any more: the object goes last. May be repeated. */
async function deletePod({ core }: Kubernetes, plan: Plan, patienceMs: number, signal: AbortSignal): Promise<void> {
  const { namespace = '', name = '' } = plan.target_pod ?? {};
  const until = performance.now() + patienceMs;
  for (let asked = false; ; ) {
    try {
      const pod = await ifThere(core.readNamespacedPod({ namespace, name }, bounded(signal)));
      if (pod === undefined || pod.metadata?.annotations?.[migrationAnnotation] !== plan.id) return;
      const preconditions = { uid: pod.metadata.uid ?? '' };
      // Grace 0 would take the object away before kubelet has taken the containers.
      const body = { preconditions, gracePeriodSeconds: 1 };
      if (!asked) await ifThere(core.deleteNamespacedPod({ namespace, name, body }, bounded(signal)));
      asked = true;
    } catch (error) {
      throw apiFault(error, `deleting pod ${namespace}/${name}`, 'ReleaseFailed');
    }
    if (performance.now() > until) {
      throw new Fault('ReleaseFailed', `kubelet on ${plan.target_node} has not ended pod ${namespace}/${name} yet`);
    }
    await sleep(200, undefined, { signal });
  }
}
