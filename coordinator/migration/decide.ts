/**
 * The next step of a migration, from what is known of it. Pure, total, and the only place that decides.
 *
 * What holds for every decision (decide.test.ts tries all facts there are):
 * - Restore is asked for only when the source is known to have committed.
 * - RollBackSource, which thaws, is never asked for while the source is known to have committed; Revoke, which does it
 *   after a commit, only when the target has answered that nothing of the pod runs there.
 * - The target is discarded before the commit only when the source cannot commit any more.
 * - While a target lacks memory its source is not killed, and nobody says that all is well.
 * - A source that has lost its object is given up only when there is no time left for another try.
 */
import type { Reason } from '../../proto/fault.ts';
import { enoughRestores, type Facts } from './observe.ts';
import type { StepName } from './steps.ts';

/** Why nobody can say, or everybody can, that a migration has failed. ending.ts finds the words. */
export type Failure =
  | 'impossible' // the agents contradict each other
  | 'sourceUnknown' // not committed, but not known to run again either
  | 'commitUnknown'
  | 'targetUnknown' // committed; the target may run or not
  | 'targetLost' // committed; the target knows nothing of it
  | 'restoreFailed' // committed, revoked: the source runs on
  | 'revokeUnconfirmed' // committed; nothing runs at the target, and the source does not answer
  | 'cutOverFailed' // the target runs
  | 'releaseFailed' // the target runs
  | 'finishFailed' // the target runs
  | 'memoryUnknown' // the target runs, with what has come of its memory
  | 'memoryLost' // the target ran, and was ended because its memory did not come
  | 'nameUnknown' // nothing has moved; nobody can say whether the source still has its object
  | 'ended'; // nothing has moved, and the source, without its object, does not run any more

export type Decision =
  | { kind: 'do'; steps: readonly StepName[] }
  /** Goes back, for a reason that no step gave. */
  | { kind: 'stop'; reason: Reason; message: string }
  /** From the beginning: there is no way back for a source whose object is gone. */
  | { kind: 'again' }
  | { kind: 'end'; phase: 'Succeeded' }
  /** leftover: the target could not be asked to remove its part. */
  | { kind: 'end'; phase: 'RolledBack'; leftover: boolean }
  | { kind: 'end'; phase: 'Failed'; failure: Failure };

export function decide(facts: Facts): Decision {
  if (contradictory(facts)) return failed('impossible');
  switch (facts.commit) {
    case 'given':
      return forward(facts);
    case 'revoked':
      return back(facts);
    case 'asked':
      if (facts.source !== 'Unknown') return back(facts);
      return facts.patience.source ? perform('observeSource') : failed('commitUnknown');
    case 'unasked':
      return facts.stop === undefined ? ahead(facts) : back(facts);
  }
}

/** The target has had its go, though the source says that it has not committed. Touching either could only harm. */
function contradictory({ source, target, commit }: Facts): boolean {
  const gone = target === 'Going' || target === 'Running' || target === 'Finished';
  return gone && (commit !== 'given' || !['Committed', 'Killed', 'Released', 'Absent', 'Unknown'].includes(source));
}

/** Before the commit, and nothing is against it. */
function ahead(facts: Facts): Decision {
  const { source, target, namesake, held } = facts;
  if (!facts.checked) return perform('preflight');
  if (target === 'Absent' && source === 'Absent') return perform('prepareTarget');
  // One that is to lose its object has to be in good hands before.
  if (target === 'Prepared' && source === 'Absent')
    return namesake ? perform('prepareSource') : perform('prepareSource', 'createTargetPod');
  if (target === 'Prepared' && source === 'Prepared') return perform(namesake && !held ? 'detach' : 'createTargetPod');
  if (target === 'Waiting' && source === 'Absent') return perform('prepareSource');
  if (target === 'Waiting' && source === 'Prepared') return perform(facts.copied ? 'arm' : 'copyAhead');
  if (target === 'Waiting' && source === 'Armed') return perform('freezeAndSend');
  if (target === 'Waiting' && source === 'Sent') return perform('commit');
  return { kind: 'stop', reason: 'Internal', message: `nothing leads on from source ${source} and target ${target}` };
}

/** Not committed, or not any more: the pod runs again first, then the target goes. */
function back(facts: Facts): Decision {
  const { source, target, commit, patience } = facts;
  switch (source) {
    case 'Prepared':
    case 'Armed':
    case 'Frozen':
    case 'Sent':
    case 'Thawed':
    case 'Unknown':
      if (patience.source) return perform('rollBackSource');
      if (commit === 'revoked') return failed('revokeUnconfirmed');
      // The source thaws by itself; a commit that was never asked for cannot come any more.
      if (commit === 'unasked' && patience.target && discardable(target)) return perform('discardTarget');
      return failed('sourceUnknown');
    case 'Absent':
    case 'RolledBackSource':
      if (discardable(target) && patience.target) return perform('discardTarget');
      return settled(facts);
    case 'Committed':
    case 'Killed':
    case 'Released':
      return failed('impossible');
  }
}

/** Nothing is left of the try, as far as that is possible. The pod runs at its source; if it has its object, all is well. */
function settled({ target, commit, detached, timeLeft, patience }: Facts): Decision {
  switch (detached) {
    case 'no':
      return commit === 'revoked' ? failed('restoreFailed') : rolledBack(discardable(target));
    case 'begun':
      return patience.name ? perform('attach') : failed('nameUnknown');
    case 'yes':
      if (timeLeft) return { kind: 'again' };
      return patience.name ? perform('abandon') : failed('nameUnknown');
    case 'ended':
      return failed('ended');
  }
}

/** Committed: the target is the workload, whatever else is wished for. */
function forward(facts: Facts): Decision {
  const { target, patience, restoresFailed, memory } = facts;
  switch (target) {
    case 'Unknown':
      return patience.target ? perform('observeTarget') : failed('targetUnknown');
    case 'Prepared':
    case 'Waiting':
      // Never gone, so it can still be discarded, which proves that nothing runs there.
      if (!patience.target) return failed('targetUnknown');
      if (restoresFailed >= enoughRestores) return perform('discardTarget');
      return sourceFirst(facts) ?? perform('restore');
    case 'Going':
      return patience.target ? perform('restore') : failed('targetUnknown');
    case 'RestoreFailed':
      if (restoresFailed < enoughRestores && patience.target) return sourceFirst(facts) ?? perform('restore');
      return revoke(facts);
    case 'Discarded':
      return revoke(facts);
    case 'Absent':
      return failed('targetLost');
    case 'Running':
    case 'Finished':
      if (!facts.cutOver) return patience.target ? perform('cutOver') : failed('cutOverFailed');
      // The source has what the target lacks, and is not touched before.
      if (memory === 'owed') return patience.target ? perform('follow') : failed('memoryUnknown');
      if (!released(facts)) {
        if (patience.source) return perform('releaseSource');
        return failed(memory === 'lost' ? 'memoryLost' : 'releaseFailed');
      }
      // After the release: while the source is there, this journal is the proof that the target runs.
      if (target === 'Running' && patience.target) return perform('finishTarget');
      if (memory === 'lost') return failed('memoryLost');
      if (target === 'Running') return failed('finishFailed');
      return { kind: 'end', phase: 'Succeeded' };
  }
}

/** No go without knowing that the source will not thaw: a revoke whose answer was lost may have thawed it. */
function sourceFirst({ source, patience }: Facts): Decision | undefined {
  if (source === 'Committed') return undefined;
  if (source !== 'Unknown') return failed('impossible');
  return patience.source ? perform('observeSource') : failed('targetUnknown');
}

/** With the target's proof. A revoke whose answer was lost is not asked for again before the source has been looked at. */
function revoke({ source, patience }: Facts): Decision {
  if (!patience.source) return failed('revokeUnconfirmed');
  if (source === 'Unknown') return perform('observeSource');
  return source === 'Committed' ? perform('revoke') : failed('impossible');
}

function released({ source }: Facts): boolean {
  return source === 'Released' || source === 'Absent';
}

function discardable(target: Facts['target']): boolean {
  return target !== 'Absent' && target !== 'Discarded';
}

function perform(...steps: StepName[]): Decision {
  return { kind: 'do', steps };
}

function failed(failure: Failure): Decision {
  return { kind: 'end', phase: 'Failed', failure };
}

function rolledBack(leftover: boolean): Decision {
  return { kind: 'end', phase: 'RolledBack', leftover };
}
