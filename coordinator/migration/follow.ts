/** Post-copy after the cut-over: the target runs, and asks its source for the memory that has not come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { absentTarget, type TargetState } from './observe.ts';
import type { Course } from './steps.ts';

/** Before the target is looked at, when the source does not say anything: it may be on its way back. In milliseconds. */
const restMs = 1_000;

/**
 * Resolves when the target has the last page, or has given up. The target's word counts: of a source that is away only
 * that can tell.
 */
export async function followMemory(
  { source, target, plan, record }: Pick<Course, 'source' | 'target' | 'plan' | 'record'>,
  signal: AbortSignal,
): Promise<TargetState> {
  let why: unknown = new Error('the source knows of no page that it owes');
  try {
    await source.follow('Follow', { migration: plan.id }, (progress) => record.progress(progress), signal);
  } catch (error) {
    signal.throwIfAborted();
    why = error;
  }
  const state = await lookAtTarget({ target, plan }, signal);
  if (!state.lacks_memory) return state;
  await sleep(restMs, undefined, { signal });
  throw why;
}

export async function lookAtTarget(
  { target, plan }: Pick<Course, 'target' | 'plan'>,
  signal: AbortSignal,
): Promise<TargetState> {
  const { targets } = await target.call('ListMigrations', {}, signal);
  return targets.find(({ migration }) => migration === plan.id) ?? absentTarget(plan.id);
}
