/**
 * How memory gets to the target. Every strategy has the same two steps before the commit; one that moves memory while
 * the pod runs (pre-copy) does it in copyAhead, one that moves it afterwards (post-copy) lets the target begin with
 * less and goes on in follow().
 */
import type { Phase } from '../../proto/phases.ts';
import { Fault } from '../../proto/fault.ts';
import type { Strategy__Output as StrategyName } from '../../proto/gen/podferry/v1/Strategy.ts';
import { copyAhead } from './copy-ahead.ts';
import { freezeAndSend } from './freeze.ts';
import { follow } from './post-copy.ts';
import type { SourceMigration } from './source.ts';

export interface Strategy {
  /** While the pod runs. @param progress called with the bytes handed over so far */
  copyAhead(
    source: SourceMigration,
    progress: (bytes: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * From before the freeze until the target holds, verified, all that it needs to run.
   * @param enterPhase told of each phase, with the bytes that it is about to send where they are known
   */
  freezeAndSend(
    source: SourceMigration,
    enterPhase: (phase: Phase, bytesTotal?: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * After the target runs and before the source is killed: what it still needs. Absent: nothing. May be repeated.
   * @param progress called with the bytes that have left
   */
  follow?(
    source: SourceMigration,
    progress: (bytes: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

const strategies: Partial<Record<StrategyName, Strategy>> = {
  stop_and_copy: { copyAhead, freezeAndSend },
  post_copy: { copyAhead, freezeAndSend, follow },
};

/** Fault StrategyUnavailable for one that this agent does not know. */
export function strategyOf(plan: { strategy: StrategyName }): Strategy {
  const strategy = strategies[plan.strategy];
  if (strategy !== undefined) return strategy;
  const known = Object.keys(strategies).map((name) => name.replaceAll('_', '-'));
  throw new Fault(
    'StrategyUnavailable',
    `strategy ${plan.strategy} is not known to this agent: use ${known.join(' or ')}`,
  );
}
