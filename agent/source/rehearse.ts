/**
 * A dump for trial, of a pod that is about to lose its object: after that there is no way back for it, so what CRIU
 * cannot dump is found out before. The pod stands still for the length of a dump, and nothing is sent anywhere.
 */
import { undoAll } from '../journal/planted.ts';
import { nowhere } from '../connections/redirect.ts';
import type { NodePaths } from '../paths.ts';
import { calmRcu, expediteRcu } from '../runtime/expedited-rcu.ts';
import { startDumps, startWatchdog, stopWatchdog } from './arm.ts';
import { lostByRestart } from './copy-ahead.ts';
import { keepLogs, thaw } from './roll-back.ts';
import { isLazy, type SourceMigration } from './source.ts';

/** @throws Fault DumpFailed with CRIU's words, whose log is kept; the pod runs on by then, whatever went wrong */
export async function rehearse(source: SourceMigration, nodePaths: NodePaths, signal: AbortSignal): Promise<void> {
  const { live, paths } = source;
  if (live === undefined) throw lostByRestart(source);
  const dumps = await startDumps(source, { keeps: false, lazy: isLazy(source.record.plan), verbose: true });
  // A roll back that comes in between ends them as it would in earnest.
  live.armed = { dumps, redirect: nowhere };
  try {
    await Promise.all(dumps.map(async (dump) => await dump.waits(signal)));
    startWatchdog(source);
    expediteRcu(paths);
    await Promise.all(live.pod.containers.map(async ({ freezer }) => await freezer.freeze(5_000)));
    await Promise.all(dumps.map(async (dump) => await dump.dump(signal)));
    for (const dump of dumps) if (dump.holdsOn()) dump.letGo();
    await Promise.all(dumps.map(async (dump) => await dump.gone));
  } catch (error) {
    for (const dump of dumps) dump.cancel();
    await Promise.allSettled(dumps.map(async (dump) => await dump.gone));
    keepLogs(source, nodePaths);
    throw error;
  } finally {
    await thaw(source);
    stopWatchdog(source);
    calmRcu(paths);
    delete live.armed;
    await undoAll(paths);
  }
}
