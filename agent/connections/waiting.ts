/** A program inside a network namespace, started while there is time, that does its work when it counts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Fault } from '../../proto/fault.ts';
import { within } from '../runtime/netns.ts';

export interface Waiting {
  /** Gives it its input, and resolves when it has done its work. Once only. @throws Fault FreezeFailed */
  go(input?: string): Promise<void>;
  /** It leaves without having done anything. */
  cancel(): void;
}

/**
 * @param netns path of the namespace
 * @param argv what reads its input to the end before it does anything
 * @param what it is to do
 */
export function startWithin(netns: string, argv: [string, ...string[]], what: string): Waiting {
  const [program, ...rest] = within(netns, ...argv);
  const child = spawn(program, rest, { stdio: ['pipe', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(
    ([code]) => code as number | null,
    () => null,
  );
  return {
    async go(input = '') {
      child.stdin.end(input);
      if ((await ended) === 0) return;
      throw new Fault('FreezeFailed', `${what} in ${netns}: ${stderr.trim() || `${argv[0]} did not run`}`);
    },
    cancel() {
      child.kill('SIGTERM');
    },
  };
}
