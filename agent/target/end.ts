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
import type { TargetMigration } from './target.ts';

/** The pod runs here now: images, mounts and the record go. */
export async function finish(target: TargetMigration): Promise<void> {
  if (target.record.step !== 'Running') {
    throw new Fault('ReleaseFailed', `the target is ${target.record.step}, not Running: nothing is finished here`);
  }
  target.closeInbox();
  await closeTrees(target);
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
  // Nothing can be claimed any more, and who waits is told.
  for (const { paths: container } of target.containers) {
    if (existsSync(container.go)) writeFileSync(container.go, 'abort\n', { flag: 'r+' });
  }
  await target.busy;
  await Promise.all(target.starts.values());
  await closeTrees(target);
  if (keepsImages) keepImages(target, nodePaths);
  if (record.details.sandboxId !== '') {
    await runtime.stopPod(record.details.sandboxId);
    await runtime.removePod(record.details.sandboxId);
  }
  if (target.podConfig !== undefined) removePodCgroup(target.podConfig);
  await undoAll(paths);
  closeJournal(paths);
  record.step = 'Discarded';
}

async function closeTrees(target: TargetMigration): Promise<void> {
  for (const tree of target.trees.values()) await tree.close();
}

function keepImages(target: TargetMigration, nodePaths: NodePaths): void {
  const kept = nodePaths.kept(target.record.plan.id);
  for (const { manifest, paths } of target.containers) keep(paths.directory, join(kept, manifest.name));
  forgetOldest(nodePaths.allKept);
  target.record.details.keptImages = kept;
}
