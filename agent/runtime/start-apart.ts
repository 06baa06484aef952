/**
 * Starts a container in a process of its own. The runtime gives a start up when its caller is gone, and by then the
 * container's processes may run already: then they would belong to nobody. So the agent is not the caller.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { outliving } from './node.ts';

const script = join(import.meta.dirname, 'start-container.ts');

/** A start that is prepared, so that it costs no start of a process when its time has come. */
export interface PreparedStart {
  /** @returns the error, or undefined when it went well. Never rejects: it is looked at when its turn comes */
  begin(): Promise<Fault | undefined>;
  /** Of one that has not begun. */
  cancel(): void;
}

/**
 * @param report file that is made at the end, for an agent that starts later: empty when the container runs, else why
 *   it does not
 */
export function prepareStart(socket: string, containerId: string, deadlineMs: number, report: string): PreparedStart {
  const argv = [process.execPath, script, socket, containerId, String(deadlineMs), report] as const;
  const [program, ...rest] = outliving(argv);
  const child = spawn(program, rest, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.unref();
  // One that cannot be started has nobody to read.
  child.stdin.on('error', () => {});
  const exited = once(child, 'exit');
  const outcome = async () => {
    try {
      await exited;
      const why = readFileSync(report, 'utf8');
      return why === '' ? undefined : new Fault('RestoreFailed', why);
    } catch (error) {
      return Fault.from(error, 'RestoreFailed', `the start of container ${containerId} left no word`);
    }
  };
  const ended = outcome();
  return {
    async begin() {
      child.stdin.end('begin\n');
      return await ended;
    },
    cancel: () => void child.stdin.end(),
  };
}

export async function startApart(...how: Parameters<typeof prepareStart>): Promise<Fault | undefined> {
  return await prepareStart(...how).begin();
}
