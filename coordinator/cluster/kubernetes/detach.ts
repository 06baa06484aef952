/**
 * A pod whose object is gone, and that runs on: the source of a target that is to have its name. Everything that a
 * client, a controller or kubelet could do about the missing object is prevented before it is deleted.
 */
import type { V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import { longestLingerMs } from '../../../proto/linger.ts';
import type { Detached } from '../../migration/observe.ts';
import type { Course } from '../../migration/steps.ts';
import type { Plan } from '../../request.ts';
import { apiFault, bounded, ifThere, type Kubernetes, statusOf } from './client.ts';
import { forgetEndpoints, keepEndpoints } from './endpoints.ts';
import { isWanted } from './stateful-set.ts';
import { freeName, keepName } from './names.ts';
import { withoutMigration } from './target-pod.ts';

/** Above all that may pass until the target runs: the time to find out that it does not, and to try again. */
const holdMarginMs = 300_000;
/** What agents take. A source that is committed they hold beyond it by themselves, as long as it lingers. */
const longestHoldMs = 7_200_000;
/** Kubernetes' own. */
const defaultGraceSeconds = 30;
/** What the runtime may take beyond a container's grace. */
const endMarginMs = 15_000;

type Kept = Pick<Course, 'plan' | 'source'>;

/** May be repeated. */
export async function detachSource(kubernetes: Kubernetes, { plan, source }: Kept, signal: AbortSignal): Promise<void> {
  const { namespace = '', name = '', uid = '' } = plan.pod ?? {};
  const there = await objectOf(kubernetes, plan, signal);
  const object = there ?? (await heldObject({ plan, source }, signal));
  if (object === undefined) throw new Fault('PodNotRunning', `pod ${namespace}/${name} was deleted meanwhile`);
  const owner = await keepName(kubernetes, plan.id, withoutMigration(object), signal);
  await keepEndpoints(kubernetes, plan, object, owner, signal);
  const valid_ms = Math.min(longestHoldMs, plan.wait_deadline_ms + longestLingerMs(plan) + holdMarginMs);
  const object_json = there === undefined ? '' : JSON.stringify(withoutHistory(there));
  await source.call('HoldSource', { migration: plan.id, object_json, valid_ms }, signal);
  const body = { preconditions: { uid }, gracePeriodSeconds: 0 };
  try {
    await ifThere(kubernetes.core.deleteNamespacedPod({ namespace, name, body }, bounded(signal)));
  } catch (error) {
    // Another one has the name: this one is gone.
    if (statusOf(error) !== 409) throw apiFault(error, `deleting pod ${namespace}/${name}`, 'TargetPrepareFailed');
  }
}

/** May be repeated. */
export async function attachSource(
  kubernetes: Kubernetes,
  { plan, source }: Kept,
  signal: AbortSignal,
): Promise<Exclude<Detached, 'begun'>> {
  const kept = { plan, source };
  if ((await objectOf(kubernetes, plan, signal)) !== undefined) {
    await forget(kubernetes, kept, signal);
    return 'no';
  }
  const held = await heldObject(kept, signal);
  if (held === undefined || !(await runs(kept, signal))) await forget(kubernetes, kept, signal);
  else if (await isWanted(kubernetes, held, signal)) return 'yes';
  else await abandonSource(kubernetes, kept, signal);
  return 'ended';
}

/** The name is free when nothing of the pod runs any more: never two of one name. May be repeated. */
export async function abandonSource(kubernetes: Kubernetes, kept: Kept, signal: AbortSignal): Promise<void> {
  const { plan, source } = kept;
  const grace_seconds = (await heldObject(kept, signal))?.spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds;
  const patienceMs = grace_seconds * 1_000 + endMarginMs;
  await source.call('LiftHold', { migration: plan.id, end: true, grace_seconds }, signal, patienceMs);
  await forget(kubernetes, kept, signal);
}

/** The hold last: as long as it is there, somebody comes to look after the rest. */
async function forget(kubernetes: Kubernetes, { plan, source }: Kept, signal: AbortSignal): Promise<void> {
  await forgetEndpoints(kubernetes, plan, signal);
  await freeName(kubernetes, plan, signal);
  await source.call('LiftHold', { migration: plan.id, end: false }, signal);
}

/** The source's object, from the API server or, when it has none any more, from the hold. */
export async function sourceObject(
  kubernetes: Kubernetes,
  kept: Kept,
  signal: AbortSignal,
): Promise<V1Pod | undefined> {
  return (await objectOf(kubernetes, kept.plan, signal)) ?? (await heldObject(kept, signal));
}

async function objectOf({ core }: Kubernetes, { pod }: Plan, signal: AbortSignal): Promise<V1Pod | undefined> {
  const { namespace = '', name = '', uid = '' } = pod ?? {};
  try {
    const found = await ifThere(core.readNamespacedPod({ namespace, name }, bounded(signal)));
    return found?.metadata?.uid === uid ? found : undefined;
  } catch (error) {
    throw apiFault(error, `looking for pod ${namespace}/${name}`);
  }
}

async function heldObject({ plan, source }: Kept, signal: AbortSignal): Promise<V1Pod | undefined> {
  const { holds } = await source.call('ListMigrations', {}, signal);
  const held = holds.find((each) => each.plan?.id === plan.id);
  return held === undefined ? undefined : (JSON.parse(held.object_json) as V1Pod);
}

async function runs({ plan, source }: Kept, signal: AbortSignal): Promise<boolean> {
  const { pod, transport, strategy } = plan;
  try {
    await source.call('PreflightSource', { pod, transport, strategy }, signal);
    return true;
  } catch (error) {
    if (error instanceof Fault && (error.reason === 'PodNotFound' || error.reason === 'PodNotRunning')) return false;
    throw error;
  }
}

/** Who has changed which field when is of no use to another object, and long. */
function withoutHistory({ metadata, ...rest }: V1Pod): V1Pod {
  const { managedFields: _history, ...kept } = metadata ?? {};
  return { ...rest, metadata: kept };
}
