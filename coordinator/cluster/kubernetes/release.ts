/**
 * The source's end. Its object is on its way out for as long as connections may go by way of it: it is in no endpoints
 * any more, nobody starts its containers again, and, frozen, it hears nothing of kubelet's signals.
 */
import type { V1Pod } from '@kubernetes/client-node';
import type { SourceState__Output as SourceState } from '../../../proto/gen/podferry/v1/SourceState.ts';
import { longestLingerMs } from '../../../proto/linger.ts';
import { linger } from '../../migration/linger.ts';
import type { Course } from '../../migration/steps.ts';
import { isNamesake, type Plan } from '../../request.ts';
import { apiFault, bounded, ifThere, type Kubernetes, statusOf } from './client.ts';
import { freeName, isNameFree } from './names.ts';
import { awaitWanted } from './wanted.ts';

/** To kill a container. */
const releaseMs = 30_000;
/** Once given, a grace period can only be made shorter: without a limit it is one that nobody reaches. */
const endlessSeconds = 365 * 86_400;

/** Of the source's object, in seconds. */
export function graceOf(plan: Pick<Plan, 'linger_ms' | 'connection_linger_ms'>): number {
  return Math.min(endlessSeconds, Math.ceil((longestLingerMs(plan) + releaseMs) / 1_000));
}

/** May be repeated. */
export async function releaseSource(kubernetes: Kubernetes, course: Course, signal: AbortSignal): Promise<SourceState> {
  const { plan, source } = course;
  // It is the target's now, and taken as long as that is there.
  if (isNamesake(plan)) await freeName(kubernetes, plan, signal);
  await remove(kubernetes, plan, graceOf(plan), signal);
  await linger(course, async (until) => await awaitWanted(kubernetes, plan, graceOf(plan), until), signal);
  const state = await source.call('ReleaseSource', { migration: plan.id }, signal, releaseMs);
  await remove(kubernetes, plan, 0, signal);
  return state;
}

/** Whether the source is being released, and so all of the cut-over has been done: the target may have moved on since. */
export async function isReleased(
  kubernetes: Kubernetes,
  plan: Plan,
  source: V1Pod | undefined,
  target: V1Pod | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (!isNamesake(plan)) {
    const { deletionTimestamp, deletionGracePeriodSeconds: seconds = 0 } = source?.metadata ?? {};
    return deletionTimestamp !== undefined && seconds >= graceOf(plan);
  }
  // Clients wait: as long as the target is there, doing it once more is quicker than asking.
  if (target !== undefined && target.metadata?.deletionTimestamp === undefined) return false;
  return await isNameFree(kubernetes, plan, signal);
}

async function remove(
  { core }: Kubernetes,
  plan: Plan,
  gracePeriodSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name = '', uid = '' } = plan.pod ?? {};
  const body = { preconditions: { uid }, gracePeriodSeconds };
  try {
    await ifThere(core.deleteNamespacedPod({ namespace, name, body }, bounded(signal)));
  } catch (error) {
    // Another pod has the name by now: this one is gone.
    if (statusOf(error) !== 409) throw apiFault(error, `deleting pod ${namespace}/${name}`, 'ReleaseFailed');
  }
}
