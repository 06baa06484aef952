#!/usr/bin/env node
/** What a person on a node can do when no agent and no coordinator can: see what was planted here, and undo it. */
import { existsSync, readdirSync } from 'node:fs';
import { Command, Option } from 'commander';
import { Fault } from '../proto/fault.ts';
import { undoAll } from './journal/planted.ts';
import { closeJournal, decide, decision, listJournals, readRecord } from './journal/record.ts';
import { NodePaths, type SidePaths } from './paths.ts';
import { lift, listHolds } from './source/hold.ts';
import type { SourceRecord } from './source/source.ts';
import type { TargetRecord } from './target/target.ts';

const program = new Command('podferry').description('What Podferry has planted on this node, and its undoing by hand');
const stateDir = () =>
  new Option('--state-dir <directory>', "the agent's").env('PODFERRY_STATE_DIR').default('/run/podferry');

program
  .command('list')
  .description('migrations in the journal of this node, and what they have planted')
  .addOption(stateDir())
  .action(({ stateDir }: { stateDir: string }) => {
    const paths = new NodePaths(stateDir);
    for (const id of listJournals(paths.sources)) describe('source', id, paths.source(id));
    for (const id of listJournals(paths.targets)) describe('target', id, paths.target(id));
    for (const { plan, untilUnixMs } of listHolds(paths)) {
      const { namespace, name } = plan.pod ?? { namespace: '?', name: '?' };
      console.log(
        `${plan.id}  holds ${namespace}/${name}, at the longest until ${new Date(untilUnixMs).toISOString()}`,
      );
    }
  });

program
  .command('undo')
  .description('undo all that a migration has planted here; its pod runs again if this is the source')
  .argument('<migration>')
  .addOption(stateDir())
  .option('--target-is-dead', 'after a commit: you have made sure that the pod does not run at the target', false)
  .action(async (id: string, { stateDir, targetIsDead }: { stateDir: string; targetIsDead: boolean }) => {
    const paths = new NodePaths(stateDir);
    const sides = [paths.source(id), paths.target(id)].filter(({ directory }) => existsSync(directory));
    if (sides.length === 0) throw new Fault('MigrationNotFound', `${id} has left nothing on this node`);
    for (const side of sides) await undo(side, side.directory === paths.source(id).directory, targetIsDead);
    console.log(`${id}: undone. Restart the agent of this node, so that it forgets it too`);
  });

program
  .command('lift')
  .description('let kubelet end a pod that is held: one whose object is gone and that has not moved')
  .argument('<migration>')
  .addOption(stateDir())
  .action((id: string, { stateDir }: { stateDir: string }) => {
    if (lift(new NodePaths(stateDir), id) === undefined)
      throw new Fault('MigrationNotFound', `${id} holds no pod here`);
    console.log(`${id}: lifted. Kubelet ends the pod with its next try, within some minutes`);
  });

function describe(role: string, id: string, side: SidePaths): void {
  const record = readRecord<SourceRecord | TargetRecord>(side);
  const { namespace, name } = record?.plan.pod ?? { namespace: '?', name: '?' };
  const decided = decision(side) ?? 'nothing';
  console.log(`${id}  ${role} of ${namespace}/${name}  ${record?.step ?? 'begun'}, decided: ${decided}`);
  if (existsSync(side.planted)) for (const undoScript of readdirSync(side.planted)) console.log(`  ${undoScript}`);
}

async function undo(side: SidePaths, isSource: boolean, targetIsDead: boolean): Promise<void> {
  const decided = decide<'thaw' | 'commit' | 'abort' | 'go'>(side, isSource ? 'thaw' : 'abort');
  if (decided === 'commit' && !targetIsDead) {
    throw new Fault(
      'CommitFailed',
      `${side.directory} is committed: the pod may run at the target. Make sure that it does not, then say --target-is-dead`,
    );
  }
  if (decided === 'go' && readRecord<TargetRecord>(side)?.step !== 'Running') {
    throw new Fault('ReleaseFailed', `the target in ${side.directory} has got its go: it may be the only copy`);
  }
  await undoAll(side);
  closeJournal(side);
}

try {
  await program.parseAsync();
} catch (error) {
  const { reason, message } = Fault.from(error, 'Internal');
  console.error(`error: ${reason}: ${message}`);
  process.exitCode = 1;
}
