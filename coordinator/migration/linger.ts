/**
 * Nothing is left of a migration but connections that go by way of its source: that is waited for, and by nobody else.
 * Ends when none needs the source any more, at the plan's time, or when somebody wants what it holds. May be repeated:
 * the source counts from when it began to pass traffic.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { longestLingerMs } from '../../proto/linger.ts';
import { unlessGone } from '../agents/agent.ts';
import type { Course } from './steps.ts';

/** Above the plan's own time: the source's last word is better than our silence. */
const marginMs = 10_000;

/**
 * @param wanted resolves with the reason when somebody wants the node or the pod's place, and is left alone when the
 * signal is aborted
 */
export async function linger(
  { plan, source, record, lingering }: Course,
  wanted: (until: AbortSignal) => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  lingering.begun();
  const over = new AbortController();
  const until = AbortSignal.any([signal, lingering.enough, over.signal]);
  // New connections come to the old address for that long, whoever wants it.
  const least = sleep(plan.linger_ms, undefined, { signal: until });
  Promise.all([wanted(until), least]).then(
    ([why]) => over.abort(new Error(why)),
    // Who cannot look goes on waiting.
    () => {},
  );
  try {
    await source.follow(
      'Linger',
      { migration: plan.id },
      ({ connections }) => {
        lingering.heard();
        if (connections !== null) record.connections(connections);
      },
      until,
      longestLingerMs(plan) + marginMs,
    );
  } catch (error) {
    signal.throwIfAborted();
    // The release closes what is left.
    if (until.aborted)
      record.note(`no connection is kept by ${plan.source_node} any longer: ${(until.reason as Error).message}`);
    else unlessGone(error);
  } finally {
    over.abort(new Error('it has ended'));
    lingering.over();
  }
}

/** Where nobody says so. */
export async function nobody(until: AbortSignal): Promise<string> {
  return await new Promise((_resolve, reject) => {
    until.addEventListener('abort', () => reject(until.reason as Error), { once: true });
  });
}
