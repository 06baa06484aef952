/**
 * A periodic timerfd that has expired and was not read yet, as every fast one has by the time its frozen owner is
 * dumped, shows no time left, and CRIU restores it as a timer that is switched off:
 * https://github.com/checkpoint-restore/criu/issues/3162
 */
import { entriesOf } from './message.ts';

/** Of CRIU's file_entry and timerfd_entry. */
const timerfdType = 17n;
const entry = { type: 1, timerfd: 12 };
const timer = { ticks: 5, seconds: 7, nanoseconds: 8, periodSeconds: 9, periodNanoseconds: 10 };

/**
 * Lets such a timer expire right after the restore, instead of before the dump: then the kernel knows that it has to
 * go on.
 *
 * @param image files.img
 * @returns whether there was one
 */
export function keepTimersGoing(image: Buffer): boolean {
  let changed = false;
  for (const each of entriesOf(image)) {
    const timerfd = each.number(entry.type) === timerfdType ? each.message(entry.timerfd) : undefined;
    if (timerfd === undefined) continue;
    const ticks = timerfd.number(timer.ticks);
    const isPeriodic = timerfd.number(timer.periodSeconds) + timerfd.number(timer.periodNanoseconds) > 0n;
    const showsTime = timerfd.number(timer.seconds) + timerfd.number(timer.nanoseconds) > 0n;
    if (ticks === 0n || !isPeriodic || showsTime) continue;
    timerfd.set(timer.nanoseconds, 1n);
    timerfd.set(timer.ticks, ticks - 1n);
    changed = true;
  }
  return changed;
}
