/** Looks at both nodes' processes all the time: whether the workload ever runs at both, and where it has been seen. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, NodeName } from '../lab/index.ts';

/** Short against any time that a process lives, long enough to leave the machine to what is tested. */
const everyMs = 10;
/** PF_EXITING, among a process's flags. */
const exiting = 4;
/** SIGKILL, among the signals that a process is about to get. */
const killed = 1 << 8;

export class Witness {
  /** Moments at which it could run at more than one node, as Unix milliseconds. */
  readonly doubles: number[] = [];
  /** Where any process of it has been seen at all, running, frozen or half restored. */
  readonly seenAt = new Set<NodeName>();
  readonly #lab: Lab;
  readonly #program: string;
  readonly #timer: NodeJS.Timeout;

  /** @param program the workload's, as the kernel names it */
  constructor(lab: Lab, program: string) {
    this.#lab = lab;
    this.#program = program;
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    let running = 0;
    for (const { name, root } of this.#lab.nodes) {
      const states = statesOf(join(root, 'proc'), this.#program);
      if (states.length > 0) this.seenAt.add(name);
      if (states.some((state) => state === 'R' || state === 'S')) running += 1;
    }
    if (running > 1) this.doubles.push(Date.now());
  }
}

/** A frozen process is in state D, one that CRIU holds in t. */
function statesOf(proc: string, program: string): string[] {
  return readdirSync(proc).flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const [, name, state = '', rest = ''] =
        /^\d+ \((.*)\) (\S) (.*)$/s.exec(readFileSync(join(proc, pid, 'stat'), 'utf8')) ?? [];
      const fields = rest.split(' ');
      const [flags, pending] = [Number(fields[5]), Number(fields[27])];
      // Told to end, it runs no instruction any more, though the kernel may take a moment to get to it.
      return name === program && (flags & exiting) === 0 && (pending & killed) === 0 ? [state] : [];
    } catch {
      return [];
    }
  });
}
