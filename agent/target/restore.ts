/**
 * The go. Called only after the commit: from here on the target is the workload. The wrapper tries a second time by
 * itself; what has failed then has provably never run, because CRIU kills what it made before it resumes anything.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { appearedOneOf } from '../journal/appeared.ts';
import { decide } from '../journal/record.ts';
import { lastWords } from '../runtime/criu.ts';
import type { ContainerPaths } from '../paths.ts';
import type { ContainerRuntime } from '../runtime/runtime.ts';
import { unhush } from './hush.ts';
import { startNext } from './next-container.ts';
import { letAsk, willSpeak } from './silence.ts';
import type { TargetMigration } from './target.ts';

type Container = TargetMigration['containers'][number];

export async function restore(
  parts: { runtime: ContainerRuntime; containerd: string },
  target: TargetMigration,
  signal: AbortSignal,
): Promise<void> {
  const { record, paths } = target;
  // The wrapper has tried twice by itself; asked again, the answer is the same.
  if (record.step === 'Running') return await unhush(target);
  if (record.step === 'RestoreFailed') return;
  if (record.step !== 'Waiting' && record.step !== 'Going') {
    throw new Fault('RestoreFailed', `nothing waits for a go here: the target is ${record.step}`);
  }
  if (!record.details.sealed) throw new Fault('RestoreFailed', 'not everything has arrived: a go is refused');
  if (decide<'go' | 'abort'>(paths, 'go') === 'abort') {
    target.fail('RestoreFailed', new Fault('RestoreFailed', 'the wrapper gave up before the go'));
    return;
  }
  target.moment('go');
  willSpeak(target);
  // In their order, and none after one that has failed.
  let failed: Container | undefined;
  for (const [at, container] of target.containers.entries()) {
    const { running, failed: failure, waiting } = container.paths;
    const state = at === 0 ? waiting : await startNext(parts, target, container, signal);
    if (at > 0 && at === target.containers.length - 1) await letAsk(target);
    const end = appearedOneOf([running, failure], signal);
    if (state === waiting) give(container.paths);
    // After the write: it stands in the decision already.
    if (at === 0) target.enter('Going');
    if ((await end) === running) continue;
    failed = container;
    break;
  }
  target.moment('running');
  if (failed === undefined) {
    target.enter('Running');
    return await unhush(target);
  }
  // A restore that failed after it let processes run is no proof that nothing ran: nobody may thaw the source then.
  const ran = target.containers.find(({ paths: container }) => existsSync(container.running) || hasResumed(container));
  if (ran !== undefined) {
    const what = `container ${failed.manifest.name} could not be restored, and container ${ran.manifest.name} runs or has run`;
    throw new Fault('RestoreFailed', `${what}: look at this node before anything is thawed or killed`);
  }
  const { secondWork, work } = failed.paths;
  const words = lastWords(join(secondWork, 'restore.log')) ?? lastWords(join(work, 'restore.log'));
  const why = `${failed.manifest.name}: ${words ?? 'CRIU left no log'}`;
  target.fail('RestoreFailed', new Fault('RestoreFailed', `CRIU could not restore, tried twice: ${why}`));
}

/** The inventory is what CRIU waits for; it is short enough to be written into the FIFO in one piece. */
function give(container: ContainerPaths): void {
  writeFileSync(container.inventoryFifo, readFileSync(container.inventory), { flag: 'r+' });
  writeFileSync(container.go, 'go\n', { flag: 'r+' });
}

function hasResumed(container: ContainerPaths): boolean {
  return [container.work, container.secondWork].some((work) => {
    const log = join(work, 'restore.log');
    return existsSync(log) && readFileSync(log, 'latin1').includes('Tasks resumed');
  });
}
