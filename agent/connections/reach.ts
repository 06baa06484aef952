/**
 * Whether packets get from the pod's namespace to its new address at all. A NetworkPolicy sees the source pod as the
 * sender of what is translated there, and may be against it: then connections that were kept would hang.
 */
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';
import { within } from '../runtime/netns.ts';
import type { Move } from './connection.ts';
import { socketsOf } from './sockets.ts';

const program = join(import.meta.dirname, 'reach.pl');
/** A first packet that is lost is sent again after one. */
const patienceSeconds = 1.5;

/** @param pid of a process in the namespace: a port that it listens on is asked for, because a policy may name ports */
export async function reachesAll(
  netns: string,
  pid: number,
  moves: readonly Move[],
  signal: AbortSignal,
): Promise<boolean> {
  const sockets = socketsOf(pid);
  const port = (sockets.find(({ state }) => state === 'listen') ?? sockets[0])?.local.port ?? 80;
  const answers = await Promise.all(
    moves.map(async ({ to }) => {
      const argv = within(netns, 'perl', program, to, String(port), String(patienceSeconds));
      const what = `asking for ${to} from ${netns}`;
      return await run(argv, { reason: 'NetworkUnavailable', what, signal }).then(
        () => true,
        (error: unknown) => {
          signal.throwIfAborted();
          if (error instanceof Fault) return false;
          throw error;
        },
      );
    }),
  );
  return answers.every(Boolean);
}
