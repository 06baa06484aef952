import { Fault } from '../../proto/fault.ts';
import { parseDuration } from '../duration.ts';

export interface Timing {
  /** From the beginning of one attempt to that of the next. */
  intervalMs: number;
  /** Of one attempt, from its connection to its answer. */
  timeoutMs: number;
}

export const usualTiming: Timing = { intervalMs: 5, timeoutMs: 1_000 };

/** Each holds a socket, and a process is often allowed 1024 of them. */
const mostAtATime = 800;
/** No timer of Node's waits any longer: 24 days. */
const longestMs = 2 ** 31 - 1;

/**
 * As many as begin within one timeout. With fewer a silence in which nothing is refused (packets dropped, a frozen
 * process) would soon have all of them hanging; none would be left to see that the pod is back, and the gap would
 * last until the first of them gives up: the prober would measure its own timeout.
 */
export function attemptsAtATime({ intervalMs, timeoutMs }: Timing): number {
  return Math.ceil(timeoutMs / intervalMs) + 1;
}

/** @throws Fault InvalidArgument with every mistake */
export function parseSpans<Name extends string>(texts: Record<Name, string>): Record<Name, number> {
  const mistakes: string[] = [];
  const spans = Object.entries<string>(texts).map(([name, text]) => {
    try {
      const ms = parseDuration(text);
      if (ms < 1 || ms > longestMs) mistakes.push(`--${name}: ${text} is not between 1ms and 24 days`);
      return [name, ms];
    } catch (error) {
      mistakes.push(`--${name}: ${(error as Error).message}`);
      return [name, 0];
    }
  });
  if (mistakes.length > 0) throw new Fault('InvalidArgument', mistakes.join('; '));
  return Object.fromEntries(spans) as Record<Name, number>;
}

/** @throws Fault InvalidArgument */
export function checkTiming(timing: Timing): Timing {
  const many = attemptsAtATime(timing);
  if (many > mostAtATime)
    throw new Fault(
      'InvalidArgument',
      `--timeout is ${many - 1} times --interval: so many attempts may hang at a time, and at most ${mostAtATime - 1} are allowed`,
    );
  return timing;
}
