/** The end of a side that nobody asks for any more: its coordinator has gone and does not come back. */
import type { Logger } from 'pino';
import type { Plan__Output as Plan } from '../../proto/gen/podferry/v1/Plan.ts';

/** Beyond the wrapper's own deadline, so that a coordinator that is only slow does it first. In milliseconds. */
const grace = 15_000;

/** @returns what cancels it */
export function expiry(plan: Plan, log: Logger, undo: () => Promise<void>): () => void {
  const timer = setTimeout(() => {
    log.warn({ migration: plan.id }, 'nobody has asked for this migration in time: undoing it');
    undo().catch((error: unknown) => log.error({ migration: plan.id, err: error }, 'cannot undo what has expired'));
  }, plan.wait_deadline_ms + grace);
  return () => clearTimeout(timer);
}
