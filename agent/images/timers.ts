/**
 * A periodic timerfd that has expired and was not read yet, as every fast one has by the time its frozen owner is
 * dumped, shows no time left, and CRIU restores it as a timer that is switched off:
 * https://github.com/checkpoint-restore/criu/issues/3162
 */
import type { file_entry as FileEntry } from '../../proto/gen/criu/fdinfo_pb.ts';

/**
 * Lets such a timer expire right after the restore, instead of before the dump: then the kernel knows that it has to
 * go on.
 *
 * @returns whether there was one
 */
export function keepTimersGoing(files: readonly FileEntry[]): boolean {
  let changed = false;
  for (const { tfd: timer } of files) {
    if (timer === undefined) continue;
    const isPeriodic = timer.isec > 0n || timer.insec > 0n;
    const showsTime = timer.vsec > 0n || timer.vnsec > 0n;
    if (timer.ticks === 0n || !isPeriodic || showsTime) continue;
    timer.vnsec = 1n;
    timer.ticks -= 1n;
    changed = true;
  }
  return changed;
}
