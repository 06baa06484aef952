/** From a stream of events to an end: progress on the way, then the result. */
import { Fault } from '../../proto/fault.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import type { MigrationEvent__Output as MigrationEvent } from '../../proto/gen/podferry/v1/MigrationEvent.ts';
import { parseDuration } from '../duration.ts';
import type { Connection } from './way/connection.ts';
import { type Console, progressFor, printLines } from './console.ts';
import { codeOf, type ExitCode, exitCode, reasonLines } from './exit.ts';
import type { Probing } from './probing.ts';
import { isMoved, isOver } from './progress.ts';
import { reattaching } from './reattach.ts';
import { type Format, showOne } from './show.ts';

export interface FollowFlags {
  output: Format;
  /** How long a coordinator that went away is looked for. */
  reconnect?: string;
  /** `all`: also for connections that still go by way of the source. */
  wait?: string;
}

/** About as long as a Deployment takes to start a new one. */
export const defaultReconnectMs = 30_000;

/** @param events of one migration. @returns how the program is to end */
export async function followToEnd(
  events: AsyncIterable<MigrationEvent>,
  connection: Connection,
  { output: format, reconnect, wait }: FollowFlags,
  console: Console,
  /** Whether Ctrl-C cancels the migration; otherwise it only ends the looking. */
  cancels: boolean,
  probing?: Probing,
): Promise<ExitCode> {
  const patienceMs = reconnect === undefined ? defaultReconnectMs : parseDuration(reconnect);
  const say = (line: string) => printLines(console, [line]);
  const progress = progressFor(console, format);
  let last: Migration | undefined;
  let interrupts = 0;
  const { promise: left, resolve: leave } = Promise.withResolvers<ExitCode>();
  const stopListening = console.onInterrupt(() => {
    interrupts += 1;
    if (interrupts > 1 || !cancels || last === undefined) return leave(exitCode.interrupted);
    // Only the probe goes on for a moment, and then the result is printed.
    if (isOver(last)) return;
    // Nothing can be taken back, and connections are not to be cut for somebody's impatience.
    if (isMoved(last)) return leave(exitCode.interrupted);
    printLines(console, [`cancelling ${last.id} and waiting for the roll back; once more leaves without waiting`]);
    cancel(connection, last.id, console);
  });
  const isEnough = (now: Migration | null) => now !== null && wait !== 'all' && isMoved(now);
  const watch = async (): Promise<ExitCode> => {
    for await (const { migration, message } of reattaching(events, connection, patienceMs, say)) {
      last = migration ?? last;
      if (migration !== null) probing?.saw(migration);
      if (migration !== null) progress.show(migration, message);
      if (isEnough(migration)) break;
    }
    progress.end();
    if (last === undefined) throw new Fault('Internal', 'the coordinator told nothing of the migration');
    if (!isOver(last) && !isEnough(last))
      throw new Fault('Internal', `the coordinator ended the stream while ${last.id} was ${last.phase}`);
    console.out.write(showOne(last, format, await probing?.finish(last)));
    if (last.outcome !== null) printLines(console, reasonLines(last.outcome.reason, last.outcome.message));
    return interrupts > 0 && last.phase === 'RolledBack' ? exitCode.interrupted : codeOf(last);
  };
  try {
    return await Promise.race([watch(), left]);
  } finally {
    progress.end();
    stopListening();
  }
}

export function cancel(connection: Connection, id: string, console: Console): void {
  connection.call('Cancel', { id }).catch((error: unknown) => {
    const { reason, message } = Fault.from(error, 'Internal');
    printLines(console, reasonLines(reason, message));
  });
}
