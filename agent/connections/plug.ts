/** Starts what holds a pod's packets while it stands still, and tells it when to let them go. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';
import { within } from '../runtime/netns.ts';
import { outliving } from '../runtime/node.ts';
import type { Interface } from './interface.ts';
import { mostPackets, plugDevice } from './rules.ts';

const program = join(import.meta.dirname, 'plug.pl');

/**
 * @param fifo where its orders come from, so that any life of this agent, or a shell, can give them
 * @param deadlineMs after which it lets go by itself, whoever has forgotten it
 * @throws Fault FreezeFailed
 */
export async function startPlug(netns: string, { mac }: Interface, fifo: string, deadlineMs: number): Promise<void> {
  await run(['mkfifo', fifo], { reason: 'FreezeFailed', what: 'making the FIFO of the plug' });
  const limits = [String(mostPackets), String(Math.ceil(deadlineMs / 1_000))];
  const [command, ...rest] = outliving(within(netns, 'perl', program, plugDevice, mac, fifo, ...limits));
  // What ends the agent must not drop what clients have sent.
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.unref();
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('error', ({ message }) => reject(new Fault('FreezeFailed', `perl did not start: ${message}`)));
    child.once('exit', (code) =>
      reject(new Fault('FreezeFailed', `nothing can hold packets in ${netns}: ${words.trim() || `exit code ${code}`}`)),
    );
  });
  child.stdout.destroy();
  child.stderr.destroy();
}

/** `hold`: rules lead there from now on. `end`: only first packets are sent to it any more; when it is empty it takes that away, too, and leaves. */
export function orderPlug(fifo: string, order: 'hold' | 'release' | 'end'): void {
  if (existsSync(fifo)) writeFileSync(fifo, `${order}\n`, { flag: 'r+' });
}
