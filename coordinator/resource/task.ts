/** What is to be done about an object, from what it says and what the coordinator knows of its migration. Pure. */
import type { Outcome } from '../migration/record.ts';
import type { EndPhase } from '../../proto/phases.ts';
import { hasEnded, isBeingDeleted, isHeld, keepsName, type PodMigration, type Status } from './pod-migration.ts';

/** Of its migration, here: never heard of, under way, or over. */
export type Known = 'nothing' | 'active' | 'ended';

export type Task =
  | 'none'
  /** New: hold it and begin. */
  | 'start'
  /** Its status follows what becomes of the migration. */
  | 'follow'
  /** Follow, and take it back. */
  | 'cancel'
  /** Deleted before anything was begun. */
  | 'drop'
  /** An earlier coordinator began it, and nobody knows of it any more. */
  | 'settle'
  /** All is said: whoever wants to delete it may. */
  | 'letGo'
  /** It has ended in the dark, with a name kept, and nobody knows of it any more. */
  | 'freeName';

export function taskOf(object: PodMigration, known: Known): Task {
  if (hasEnded(object)) {
    // An agent held a part of it still: that comes to its end first.
    if (known === 'active') return 'follow';
    if (isHeld(object)) return 'letGo';
    return known === 'nothing' && keepsName(object) ? 'freeName' : 'none';
  }
  if (known !== 'nothing') return known === 'active' && isBeingDeleted(object) ? 'cancel' : 'follow';
  if (!isHeld(object)) return isBeingDeleted(object) ? 'none' : 'start';
  // Held and nothing said: whoever held it died before it could begin.
  if (object.status?.phase === undefined) return isBeingDeleted(object) ? 'drop' : 'start';
  return 'settle';
}

/** What the API server has of the two pods. */
export interface Remains {
  source: boolean;
  target: 'running' | 'notRunning' | 'gone';
}

/**
 * How one ended that no agent knows of any more. A journal loses its entry when a side has done all it had to, so either
 * all of it was undone or all of it was done; the status may be older than that.
 */
export function settle(
  { committed, nodeName, targetNode, targetPod }: Status,
  { source, target }: Remains,
): { phase: EndPhase; outcome: Outcome | undefined } {
  const begin = 'the coordinator was started anew, and no agent knows of it any more';
  const pod = `pod ${targetPod?.name ?? ''} on ${targetNode ?? 'its target'}`;
  if (target === 'running' && (committed === true || !source)) return { phase: 'Succeeded', outcome: undefined };
  if (committed !== true && source) {
    const message = `${begin}: nothing is left of it, and the pod runs on at ${nodeName ?? 'its node'}`;
    return { phase: 'RolledBack', outcome: { reason: 'CoordinatorRestarted', message } };
  }
  const what =
    committed === true
      ? `it was committed, but ${pod} ${target === 'gone' ? 'is gone' : 'does not run'}`
      : `it is not known whether it was committed; the source pod is gone, and ${pod} ${target === 'gone' ? 'is not there' : 'does not run'}`;
  const message = `${begin}: ${what}. Look at both nodes for what runs there`;
  return { phase: 'Failed', outcome: { reason: 'CoordinatorRestarted', message } };
}
