/** kubectl migrate watch [ID]: one to its end, or all without one. */
import { checkName } from '../names.ts';
import type { Connection } from './way/connection.ts';
import type { Console } from './console.ts';
import { type ExitCode, exitCode } from './exit.ts';
import { type FollowFlags, followToEnd } from './follow.ts';
import { isOver } from './progress.ts';
import { isForPrograms, summary, toObject } from './show.ts';

export async function watch(
  connection: Connection,
  id: string | undefined,
  flags: FollowFlags,
  console: Console,
): Promise<ExitCode> {
  const { output } = flags;
  const ends = new AbortController();
  if (id !== undefined) {
    const events = connection.follow('Watch', { id: checkName('migration', id) }, ends.signal);
    return await followToEnd(events, connection, { ...flags, wait: 'all' }, console, false);
  }
  const stopListening = console.onInterrupt(() => ends.abort());
  const phases = new Map<string, string>();
  for await (const { migration, message } of connection.follow('Watch', {}, ends.signal)) {
    if (migration === null) continue;
    const { id, phase } = migration;
    const news = phases.get(id) !== phase;
    phases.set(id, phase);
    // One JSON object a line: a stream has no end that a whole document could wait for.
    if (isForPrograms(output)) console.out.write(news ? `${JSON.stringify(toObject(migration))}\n` : '');
    else if (news) console.out.write(`${isOver(migration) ? summary(migration) : `${id} ${phase}`}\n`);
    if (message !== '' && !isForPrograms(output)) console.out.write(`${id} ${message}\n`);
  }
  stopListening();
  return exitCode.interrupted;
}
