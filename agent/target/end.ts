/** The two ends of a target's side: everything but the pod is removed, or everything is. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { forgetOldest, keep } from '../journal/keep.ts';
import { undoAll } from '../journal/planted.ts';
import { closeJournal, decide } from '../journal/record.ts';
import type { NodePaths } from '../paths.ts';
import { removePodCgroup } from '../runtime/pod-cgroup.ts';
import type { ContainerRuntime } from '../runtime/runtime.ts';
import { speak } from './silence.ts';
import { lacksMemory, type TargetMigration } from './target.ts';

/** The pod runs here now: images, mounts and the record go. */
export async function finish(target: TargetMigration): Promise<void> {
  if (target.record.step !== 'Running') {
    throw new Fault('ReleaseFailed', `the target is ${target.record.step}, not Running: nothing is finished here`);
  }
  if (lacksMemory(target.record)) {
    throw new Fault(
      'ReleaseFailed',
      `the pod of ${target.record.plan.id} still waits for memory: nothing is finished here`,
    );
  }
  target.closeInbox();
  // Ends what listens for a wrapper that gives up.
  target.abort.abort(new Fault('Cancelled', 'the migration has ended'));
  await closeTrees(target);
  // Once more: nobody else says now that the address is somewhere else.
  await speak(target);
  await undoAll(target.paths);
  closeJournal(target.paths);
}

/**
 * Removes sandbox, container and everything of this migration. Refused when the pod runs here or may run.
 *
 * @param keepsImages leaves CRIU's images and logs below the state directory's `kept`
 */
export async function discard(
  target: TargetMigration,
  runtime: ContainerRuntime,
  nodePaths: NodePaths,
  keepsImages: boolean,
): Promise<void> {
  await clear(target, runtime, () => {
    if (keepsImages) keepImages(target, nodePaths);
  });
  closeJournal(target.paths);
  target.record.step = 'Discarded';
}

/** Removes all but the record, which says from now on that nothing of the pod ran here and nothing will. */
export async function expire(target: TargetMigration, runtime: ContainerRuntime): Promise<void> {
  await clear(target, runtime);
  // By a coordinator that came back in this very moment.
  if (target.record.step === 'Discarded') return;
  const why = `nobody gave the go within ${target.record.plan.wait_deadline_ms} ms, so everything was removed`;
  target.fail('RestoreFailed', new Fault('RestoreFailed', why));
}

/** Decides that there is no go, and tells who waits for one. Nothing can be claimed from then on. Refused after a go. */
export function giveUp(target: TargetMigration): void {
  const { paths, record } = target;
  const refused = () =>
    new Fault(
      'ReleaseFailed',
      `the target of ${record.plan.id} has got its go and is ${record.step}: it may be the only copy and is not discarded`,
    );
  if (record.step === 'Running') throw refused();
  if (record.step !== 'RestoreFailed' && decide<'go' | 'abort'>(paths, 'abort') === 'go') throw refused();
  target.abort.abort(new Fault('Cancelled', 'the target is being discarded'));
  target.closeInbox();
  for (const start of target.nextStarts.values()) start.cancel();
  for (const { paths: container } of target.containers) {
    if (existsSync(container.go)) writeFileSync(container.go, 'abort\n', { flag: 'r+' });
  }
}

/** @param last what is done before the staging goes, when nothing writes there any more */
async function clear(target: TargetMigration, runtime: ContainerRuntime, last?: () => void): Promise<void> {
  const { paths, record } = target;
  giveUp(target);
  await target.busy;
  await Promise.all(target.starts.values());
  await closeTrees(target);
  last?.();
  if (record.details.sandboxId !== '' && !target.isOfKubelet) {
    await runtime.stopPod(record.details.sandboxId);
    await runtime.removePod(record.details.sandboxId);
  }
  if (target.podConfig !== undefined) removePodCgroup(target.podConfig);
  await undoAll(paths);
}

async function closeTrees(target: TargetMigration): Promise<void> {
  for (const tree of target.trees.values()) await tree.close();
}

function keepImages(target: TargetMigration, nodePaths: NodePaths): void {
  const kept = nodePaths.kept(target.record.plan.id);
  for (const { manifest, paths } of target.containers) {
    // One that has expired has none any more.
    if (existsSync(paths.directory)) keep(paths.directory, join(kept, manifest.name));
  }
  if (!existsSync(kept)) return;
  forgetOldest(nodePaths.allKept);
  target.record.details.keptImages = kept;
}
