/** nft inside a network namespace, started while there is time and given its ruleset when it counts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Fault } from '../../proto/fault.ts';

export interface WaitingNft {
  /** In one transaction. Once only. @throws Fault FreezeFailed */
  set(ruleset: string): Promise<void>;
  /** Leaves without having set anything. */
  cancel(): void;
}

/** @param netns path of the namespace */
export function startNft(netns: string, what: string): WaitingNft {
  const child = spawn('nsenter', [`--net=${netns}`, '--', 'nft', '-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(
    ([code]) => code as number | null,
    () => null,
  );
  return {
    async set(ruleset) {
      child.stdin.end(ruleset);
      if ((await ended) === 0) return;
      throw new Fault('FreezeFailed', `${what} could not be set in ${netns}: ${stderr.trim() || 'nft did not run'}`);
    },
    cancel() {
      child.kill('SIGTERM');
    },
  };
}
