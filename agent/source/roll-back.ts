/** Undoes everything of a migration at its source. The pod runs again first; the rest can wait. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { forgetOldest, keep } from '../journal/keep.ts';
import { undoAll } from '../journal/planted.ts';
import { closeJournal, decide } from '../journal/record.ts';
import type { NodePaths } from '../paths.ts';
import { run } from '../runtime/command.ts';
import { calmRcu } from '../runtime/expedited-rcu.ts';
import { type Freezer, freezerAt } from '../runtime/freezer.ts';
import { stopWatchdog } from './arm.ts';
import type { SourceMigration } from './source.ts';

/** May be repeated. Refused after a commit. CRIU's log of a dump that failed is kept. */
export async function rollBack(source: SourceMigration, nodePaths: NodePaths): Promise<void> {
  const { paths, record, live } = source;
  if (decide<'commit' | 'thaw'>(paths, 'thaw') === 'commit') {
    throw new Fault(
      'CommitFailed',
      `${record.plan.id} is committed: its source is not thawed without the target's proof`,
    );
  }
  const reason = new Fault('Cancelled', 'the migration is being rolled back');
  source.abort.abort(reason);
  for (const dump of live?.armed?.dumps ?? []) dump.cancel();
  live?.armed?.redirect.cancel();
  // First of all it ends a send that waits for a target which takes nothing more.
  const hungUp = live?.outbox.abort(reason);
  // A CRIU that is in the middle of a dump cannot be killed: it ends by itself, and then its tasks are frozen again.
  await Promise.allSettled([source.busy, ...(live?.armed?.dumps ?? []).map(async (dump) => await dump.gone)]);
  // After a restart of this agent nobody knows whether its CRIU has ended; undoAll() waits for it and thaws then.
  if (live !== undefined) await thaw(source);
  const wasFrozen = record.step !== 'Prepared' && record.step !== 'Armed';
  // A checkpoint's runs on before all of it is sent.
  if (wasFrozen && !record.moments.some(({ name }) => name === 'thawed')) source.moment('thawed');
  stopWatchdog(source);
  for (const tree of live?.trees ?? []) tree.close();
  calmRcu(paths);
  await hungUp;
  if (record.fault?.reason === 'DumpFailed') keepLogs(source, nodePaths);
  await undoAll(paths);
  closeJournal(paths);
  record.step = 'RolledBackSource';
}

/** May be repeated. */
export async function thaw({ record }: SourceMigration): Promise<void> {
  await Promise.all(record.details.containers.map(async ({ freezer }) => await thawOne(freezer)));
}

async function thawOne(known: Pick<Freezer, 'version' | 'path'>): Promise<void> {
  let freezer: Freezer;
  try {
    freezer = freezerAt(known);
  } catch {
    // The container has gone by itself: there is nothing to run again.
    return;
  }
  await run(['/bin/sh', '-c', freezer.undo], { reason: 'FreezeFailed', what: `thawing ${freezer.path}` });
}

/** Of CRIU, as far as there are any yet. May be repeated. */
export function keepLogs({ paths, record }: SourceMigration, nodePaths: NodePaths): void {
  const kept = nodePaths.kept(record.plan.id);
  for (const { name } of record.details.containers) {
    const { work } = paths.container(name);
    if (existsSync(work)) keep(work, join(kept, name));
  }
  if (existsSync(kept)) forgetOldest(nodePaths.allKept);
}
