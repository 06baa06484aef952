/**
 * Steps one after the other. The first fault, or a wish that it stop, undoes all that were begun, the last one first;
 * an undo is repeated until it has been done, or for as long as that makes sense.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { Patience } from '../migration/patience.ts';

export interface CourseStep<C> {
  name: string;
  /** A cancel or a deadline does not end it: what it began could not be taken back. */
  insists?: true;
  act(course: C, signal: AbortSignal): Promise<void>;
  /** Also of one that was taken only in part. May be repeated. */
  undo?(course: C, signal: AbortSignal): Promise<void>;
}

export interface Ends {
  /** Takes it back, with the reason that people will see. */
  stop: AbortSignal;
  /** Leaves everything as it is. */
  halt: AbortSignal;
}

export type Result =
  | { done: true }
  /** left: what could not be undone. */
  | { done: false; fault: Fault; left: string[] };

export async function inOrder<C extends { patience: Patience; log: Logger }>(
  steps: readonly CourseStep<C>[],
  course: C,
  { stop, halt }: Ends,
): Promise<Result> {
  const begun: CourseStep<C>[] = [];
  try {
    for (const step of steps) {
      stop.throwIfAborted();
      halt.throwIfAborted();
      begun.unshift(step);
      await step.act(course, step.insists ? halt : AbortSignal.any([stop, halt]));
    }
    return { done: true };
  } catch (error) {
    halt.throwIfAborted();
    const fault = Fault.from(error, 'Internal', begun[0]?.name);
    course.log.warn({ step: begun[0]?.name, reason: fault.reason }, fault.message);
    const left: string[] = [];
    for (const step of begun) {
      if (step.undo === undefined) continue;
      const undo = async () => await step.undo?.(course, halt);
      await insist(undo, course.patience, course.patience.rollBackMs, halt).catch((failure: unknown) => {
        halt.throwIfAborted();
        left.push((failure as Error).message);
      });
    }
    return { done: false, fault, left };
  }
}

/** @param again whether a failure is worth another try */
export async function insist<T>(
  act: () => Promise<T>,
  { firstPauseMs, longestPauseMs }: Patience,
  limitMs: number,
  signal: AbortSignal,
  again: (error: unknown) => boolean = () => true,
): Promise<T> {
  const until = performance.now() + limitMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      if (performance.now() > until || !again(error)) throw error;
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Silence, other than a refusal, says nothing of what has become of it. */
export function isSilence(error: unknown): boolean {
  return error instanceof Fault && (error.reason === 'AgentUnreachable' || error.reason === 'DeadlineExceeded');
}
