/** The one named point. Before it every fault thaws the source; after it the target is the workload. */
import { Fault } from '../../proto/fault.ts';
import { halfOf } from '../../proto/half.ts';
import { decide, decision } from '../journal/record.ts';
import { renameSync } from 'node:fs';
import { startWatchdog, stopWatchdog } from './arm.ts';
import type { SourceMigration } from './source.ts';

/** Promises never to thaw. Whether it holds is decided by the journal alone: the watchdog may have been first. */
export function commit(source: SourceMigration): void {
  const { record, paths } = source;
  if (record.step === 'Committed') return;
  if (halfOf(record.plan) === 'checkpoint') {
    throw new Fault('CommitFailed', `${record.plan.id} is a checkpoint: its pod stays where it is`);
  }
  if (record.step !== 'Sent') {
    throw new Fault('CommitFailed', `the source is ${record.step}, not Sent: there is nothing to commit`);
  }
  if (decide<'commit' | 'thaw'>(paths, 'commit') === 'thaw') {
    throw new Fault(
      'CommitFailed',
      'the freeze took too long and the watchdog has thawed the source: the pod runs on there',
    );
  }
  source.moment('committed');
  source.enter('Committed');
}

/**
 * Takes a commit back. The caller has the target's proof that nothing of the pod runs or ran there; without it the
 * pod could run twice. The roll back is asked for next; should nobody come back to ask, a new watchdog thaws.
 */
export function revoke(source: SourceMigration): void {
  const { record, paths } = source;
  if (record.step !== 'Committed') {
    throw new Fault('CommitFailed', `the source is ${record.step}, not Committed: there is nothing to revoke`);
  }
  // Before: the one that came with the freeze may have found the commit and left.
  stopWatchdog(source);
  startWatchdog(source);
  if (decision(paths) === 'commit') renameSync(paths.decision, `${paths.decision}.revoked`);
  source.enter('Sent');
}
