/**
 * A thread that is dumped in the middle of certain system calls is restored as if a signal handler had run: the call
 * fails with EINTR. Programs without any handler do not expect that, and end; a freeze alone would never do it. The
 * kernel knows how to go on with such a call, but keeps that to itself. So the thread makes the call again.
 */
import { user_x86_regs_mode as mode } from '../../proto/gen/criu/core-x86_pb.ts';
import { type core_entry as CoreEntry, core_entry_march as machine } from '../../proto/gen/criu/core_pb.ts';

const interrupted = BigInt.asUintN(64, -4n);
/** `syscall`, which the thread has to be before again. */
const instructionBytes = 2n;

interface Call {
  /** Where a sleep's length comes from, and where the kernel has written what is left of it, if it was asked to. */
  sleep?: { length: 'di' | 'dx'; left: 'si' | 'r10' };
}

/** The calls that go on by restart_syscall(2): by their numbers on x86-64. */
const calls = new Map<bigint, Call>([
  [7n, {}], // poll
  [35n, { sleep: { length: 'di', left: 'si' } }], // nanosleep
  [202n, {}], // futex
  [230n, { sleep: { length: 'dx', left: 'r10' } }], // clock_nanosleep, relative
]);

/**
 * @param threads of one core-TID.img, which has one
 * @returns whether it was changed
 */
export function restartInterruptedCalls([thread]: readonly CoreEntry[]): boolean {
  const registers = thread?.mtype === machine.X86_64 ? thread.threadInfo?.gpregs : undefined;
  if (thread === undefined || registers === undefined || registers.mode === mode.COMPAT) return false;
  const call = calls.get(registers.origAx);
  if (call === undefined || registers.ax !== interrupted || handlesSignal(thread)) return false;
  const { sleep } = call;
  if (sleep !== undefined && registers[sleep.left] !== 0n) registers[sleep.length] = registers[sleep.left];
  registers.ax = registers.origAx;
  registers.ip -= instructionBytes;
  return true;
}

/** Whether there is a signal for it, which may be what it is to be interrupted for. */
function handlesSignal({ tc: task, threadCore: thread }: CoreEntry): boolean {
  const blocked = thread?.blkSigset ?? 0n;
  const signals = [task?.signalsS, thread?.signalsP].flatMap((pending) => pending?.signals ?? []);
  return signals.some(({ siginfo }) => {
    // Its first word is the signal's number; those of all that may be queued fit into a byte.
    const number = siginfo[0] ?? 0;
    return ((blocked >> BigInt(number - 1)) & 1n) === 0n;
  });
}
