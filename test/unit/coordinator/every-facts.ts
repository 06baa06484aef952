/** Every set of facts that a decision can be asked for. */
import type { Facts } from '../../../coordinator/migration/observe.ts';
import { Fault } from '../../../proto/fault.ts';

const sources = [
  'Absent',
  'Prepared',
  'Armed',
  'Frozen',
  'Sent',
  'Committed',
  'RolledBackSource',
  'Released',
  'Thawed',
  'Killed',
  'Unknown',
] as const;
const targets = [
  'Absent',
  'Prepared',
  'Waiting',
  'Going',
  'Running',
  'RestoreFailed',
  'Discarded',
  'Finished',
  'Unknown',
] as const;
const commits = ['unasked', 'asked', 'given', 'revoked'] as const;
/** Before the cut-over it makes no difference. */
const memories = ['whole', 'owed', 'lost'] as const;
const booleans = [true, false];
export const why = new Fault('Cancelled', 'because');

/** Only of a namesake; most of what is known of its name makes no difference to most of the rest. */
const named = [
  { namesake: false, detached: 'no', held: false, timeLeft: true, patientName: true },
  { namesake: true, detached: 'no', held: false, timeLeft: true, patientName: true },
  { namesake: true, detached: 'begun', held: false, timeLeft: true, patientName: true },
  { namesake: true, detached: 'begun', held: false, timeLeft: false, patientName: false },
  { namesake: true, detached: 'yes', held: true, timeLeft: true, patientName: true },
  { namesake: true, detached: 'yes', held: false, timeLeft: false, patientName: true },
  { namesake: true, detached: 'ended', held: false, timeLeft: true, patientName: true },
] as const;

export function* everyFacts(): Generator<Facts> {
  for (const source of sources)
    for (const target of targets)
      for (const commit of commits)
        for (const stop of [undefined, why])
          for (const [checked, copied, cutOver] of [
            [false, false, false],
            [true, false, false],
            [true, true, false],
            [true, true, true],
          ] as const)
            for (const restoresFailed of [0, 1, 2])
              for (const patientSource of booleans)
                for (const patientTarget of booleans)
                  for (const { patientName, ...name } of named)
                    for (const memory of cutOver && commit === 'given' ? memories : memories.slice(0, 1))
                      yield {
                        stop,
                        checked,
                        source,
                        target,
                        copied,
                        commit,
                        restoresFailed,
                        cutOver,
                        memory,
                        ...name,
                        patience: { source: patientSource, target: patientTarget, name: patientName },
                      };
}
