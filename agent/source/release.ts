/**
 * The pod runs at the target. The source is killed while it is frozen, so that no instruction of it runs again; its
 * sandbox stays as long as connections are forwarded from it, and then goes with everything that was planted. With
 * Kubernetes the pod object is on its way out already, or kubelet would start the containers again.
 */
import { setTimeout as delay } from 'node:timers/promises';
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
import type { SourceMigration } from './source.ts';

export async function release(
  source: SourceMigration,
  { runtime, paths: nodePaths }: { runtime: ContainerRuntime; paths: NodePaths },
  lingerMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { paths, record, live } = source;
  if (record.step !== 'Committed' && record.step !== 'Released') {
    throw new Fault(
      'ReleaseFailed',
      `the source is ${record.step}, not Committed: it may be the only copy and is not killed`,
    );
  }
  // Kubelet takes a sandbox away when its containers have ended: there the frozen ones stay until nobody comes by.
  const kubelets = record.plan.target_pod !== null;
  if (kubelets && record.step === 'Committed') await delay(lingerMs, undefined, { signal });
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
  for (const tree of live?.trees ?? []) tree.close();
  calmRcu(paths);
  // Clients that know only the old address are forwarded a little longer.
  if (!kubelets) {
    await delay(lingerMs, undefined, { signal });
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
