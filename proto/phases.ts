/**
 * Phases and the transitions between them: the one definition that coordinator, metrics, logs and CLI share.
 */
import type { Phase__Output as PhaseName } from './gen/podferry/v1/Phase.ts';

export type Phase = Exclude<PhaseName, 'PHASE_UNSPECIFIED' | number>;
export type EndPhase = 'Succeeded' | 'RolledBack' | 'Failed';

const next = {
  Pending: ['Preparing', 'RolledBack'],
  Preparing: ['PreCopying', 'RolledBack', 'Failed'],
  PreCopying: ['Freezing', 'RolledBack', 'Failed'],
  Freezing: ['Dumping', 'RolledBack', 'Failed'],
  Dumping: ['Transferring', 'RolledBack', 'Failed'],
  Transferring: ['Restoring', 'RolledBack', 'Failed'],
  // The commit lies before Restoring: from here on nothing rolls back.
  Restoring: ['CuttingOver', 'Failed'],
  CuttingOver: ['Completing', 'Failed'],
  Completing: ['Succeeded', 'Failed'],
  Succeeded: [],
  RolledBack: [],
  Failed: [],
} as const satisfies Record<Phase, readonly Phase[]>;

export const phases = Object.keys(next) as Phase[];

export function isEnd(phase: Phase): phase is EndPhase {
  return next[phase].length === 0;
}

/** Whether a migration may go from one phase to the other. Staying is not a transition. */
export function mayFollow(from: Phase, to: Phase): boolean {
  return (next[from] as readonly Phase[]).includes(to);
}
