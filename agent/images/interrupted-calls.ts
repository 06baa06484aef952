/**
 * A thread that is dumped in the middle of certain system calls is restored as if a signal handler had run: the call
 * fails with EINTR. Programs without any handler do not expect that, and end; a freeze alone would never do it. The
 * kernel knows how to go on with such a call, but keeps that to itself. So the thread makes the call again.
 */
import { entriesOf, type Message } from './message.ts';

/** Of CRIU's core_entry and what is in it. */
const core = { machine: 1, x86: 2, task: 3, thread: 5 };
const x86 = { registers: 2 };
const register = { r10: 8, ax: 11, dx: 13, si: 14, di: 15, originalAx: 16, ip: 17, mode: 28 };
const task = { pending: 10 };
const thread = { blocked: 6, pending: 9 };
const queue = { signals: 1, content: 1 };
const x86Machine = 1n;
const compatMode = 2n;

const interrupted = BigInt.asUintN(64, -4n);
/** `syscall`, which the thread has to be before again. */
const instructionBytes = 2n;

interface Call {
  /** Where a sleep's length comes from, and where the kernel has written what is left of it, if it was asked to. */
  sleep?: { length: number; left: number };
}

/** The calls that go on by restart_syscall(2): by their numbers on x86-64. */
const calls = new Map<bigint, Call>([
  [7n, {}], // poll
  [35n, { sleep: { length: register.di, left: register.si } }], // nanosleep
  [202n, {}], // futex
  [230n, { sleep: { length: register.dx, left: register.r10 } }], // clock_nanosleep, relative
]);

/**
 * @param image core-TID.img
 * @returns whether it was changed
 */
export function restartInterruptedCalls(image: Buffer): boolean {
  const [entry] = entriesOf(image);
  if (entry === undefined || entry.number(core.machine) !== x86Machine) return false;
  const registers = entry.message(core.x86)?.message(x86.registers);
  if (registers === undefined || registers.number(register.mode) === compatMode) return false;
  const call = calls.get(registers.number(register.originalAx));
  if (call === undefined || registers.number(register.ax) !== interrupted || handlesSignal(entry)) return false;
  const left = call.sleep && registers.number(call.sleep.left);
  if (call.sleep !== undefined && left !== undefined && left !== 0n) registers.set(call.sleep.length, left);
  registers.set(register.ax, registers.number(register.originalAx));
  registers.set(register.ip, registers.number(register.ip) - instructionBytes);
  return true;
}

/** Whether there is a signal for it, which may be what it is to be interrupted for. */
function handlesSignal(entry: Message): boolean {
  const blocked = entry.message(core.thread)?.number(thread.blocked) ?? 0n;
  const queues = [entry.message(core.task)?.message(task.pending), entry.message(core.thread)?.message(thread.pending)];
  const signals = queues.flatMap((pending) => pending?.messages(queue.signals) ?? []);
  return signals.some((signal) => {
    const number = signal.bytes(queue.content)?.readInt32LE() ?? 0;
    return ((blocked >> BigInt(number - 1)) & 1n) === 0n;
  });
}
