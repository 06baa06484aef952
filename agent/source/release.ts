/**
 * The pod runs at the target, and nobody needs the source any more. It is killed while it is frozen, so that no
 * instruction of it runs again, and its sandbox goes with everything that was planted. With Kubernetes the pod object is
 * on its way out already, or kubelet would start the containers again.
 */
import { Fault } from '../../proto/fault.ts';
import { uproot, undoAll } from '../journal/planted.ts';
import { closeJournal } from '../journal/record.ts';
import type { NodePaths } from '../paths.ts';
import { calmRcu } from '../runtime/expedited-rcu.ts';
import { type Freezer, freezerAt } from '../runtime/freezer.ts';
import { removePodCgroup } from '../runtime/pod-cgroup.ts';
import type { ContainerRuntime } from '../runtime/runtime.ts';
import { stopWatchdog } from './arm.ts';
import { lift } from './hold.ts';
import { owesPages } from './post-copy.ts';
import type { SourceMigration } from './source.ts';

/** Whether kubelet takes the sandbox away when its containers have ended: so they stay, frozen, until nobody comes by. */
function isOfKubelet({ record }: SourceMigration): boolean {
  return record.plan.target_pod !== null;
}

/** Before the linger, where it may be: memory is free again at once, and rules keep what the dead still had to say. */
export function killEarly(source: SourceMigration, nodePaths: NodePaths): void {
  if (!isOfKubelet(source)) kill(source, nodePaths);
}

/** May be repeated. */
function kill(source: SourceMigration, nodePaths: NodePaths): void {
  const { paths, record } = source;
  if (record.step !== 'Committed' && record.step !== 'Released') {
    throw new Fault(
      'ReleaseFailed',
      `the source is ${record.step}, not Committed: it may be the only copy and is not killed`,
    );
  }
  if (owesPages(source)) {
    throw new Fault('ReleaseFailed', `the target of ${record.plan.id} still asks for memory that is nowhere else`);
  }
  if (record.step === 'Committed') {
    for (const { name, freezer } of record.details.containers) {
      killFrozen(freezer);
      uproot(paths, 'frozen-cgroup', `-${name}`);
    }
    source.moment('killed');
    source.enter('Released');
  }
  // Not before: whoever kills it through the runtime thaws it first. From here on kubelet may clear it away.
  lift(nodePaths, record.plan.id);
  stopWatchdog(source);
}

export async function release(
  source: SourceMigration,
  { runtime, paths: nodePaths }: { runtime: ContainerRuntime; paths: NodePaths },
  signal: AbortSignal,
): Promise<void> {
  const { paths, record, live } = source;
  kill(source, nodePaths);
  for (const tree of live?.trees ?? []) tree.close();
  calmRcu(paths);
  if (!isOfKubelet(source)) {
    signal.throwIfAborted();
    await runtime.stopPod(record.details.sandboxId);
    await runtime.removePod(record.details.sandboxId);
    removePodCgroup(record.details.podConfig);
  }
  await undoAll(paths);
  closeJournal(paths);
}

/** SIGKILL to every process before the thaw: a kill of the first alone would let the others run until it has died. */
function killFrozen(known: Pick<Freezer, 'version' | 'path'>): void {
  let freezer: Freezer;
  try {
    freezer = freezerAt(known);
  } catch {
    // Killed by an earlier try.
    return;
  }
  for (const each of freezer.pids()) process.kill(each, 'SIGKILL');
  freezer.thaw();
}
