/**
 * The pods of a node on their way: each is asked about first, then those that can are moved, one migration each. The
 * coordinator lets in as many at a time as it allows.
 */
import { Fault } from '../../proto/fault.ts';
import type { MigrateRequest } from '../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { type Connection, Unreachable } from './way/connection.ts';
import type { Leaver } from './fate.ts';
import { isMoved, isOver } from './progress.ts';
import { reattaching } from './reattach.ts';

/** Each question is one to two agents: more at once would only wait there. */
const questionsAtATime = 4;

export interface Leave {
  connection: Connection;
  /** Without a pod. */
  request: MigrateRequest;
  /** How long a coordinator that went away is looked for. */
  patienceMs: number;
  say: (line: string) => void;
  /** Whether connections that still go by way of the node are waited for, too. */
  waitsForAll: boolean;
  /** Something is different now. */
  changed: (leaver: Leaver) => void;
  cancel: (id: string) => void;
}

/** Which of them can move. Touches nothing. */
export async function examineAll(
  leavers: readonly Leaver[],
  { connection, request, changed }: Pick<Leave, 'connection' | 'request' | 'changed'>,
  interrupted: AbortSignal,
): Promise<void> {
  const left = [...leavers];
  const askOn = async () => {
    for (let leaver = left.shift(); leaver !== undefined && !interrupted.aborted; leaver = left.shift()) {
      leaver.fate = await examine(connection, { ...request, pod: leaver.pod });
      changed(leaver);
    }
  };
  await Promise.all(Array.from({ length: questionsAtATime }, askOn));
}

async function examine(connection: Connection, request: MigrateRequest): Promise<Leaver['fate']> {
  const target = request.target_node ?? '';
  try {
    const { plan, findings } = await connection.call('Preflight', request);
    const seen = plan?.target_node || target;
    return findings.length === 0 ? { kind: 'possible', target: seen } : { kind: 'refused', target: seen, findings };
  } catch (error) {
    if (error instanceof Unreachable) throw error;
    // One that may not be asked about stays; the others are asked about all the same.
    return refused(error, target);
  }
}

function refused(error: unknown, target: string): Leaver['fate'] {
  const { reason, message } = Fault.from(error, 'Internal');
  return { kind: 'refused', target, findings: [{ reason, message }] };
}

/** Resolves when all that were begun have ended. None is begun after the interrupt, and what can go back does. */
export async function moveAll(leavers: readonly Leaver[], leave: Leave, interrupted: AbortSignal): Promise<void> {
  const ends: Promise<void>[] = [];
  interrupted.addEventListener('abort', () => {
    for (const { fate } of leavers) if (fate.kind === 'moving') leave.cancel(fate.migration.id);
  });
  for (const leaver of leavers) {
    if (leaver.fate.kind !== 'possible') continue;
    // One after the other, so that each target is chosen with the earlier ones in view.
    const begun = Promise.withResolvers<boolean>();
    ends.push(follow(leaver, leave, begun.resolve, interrupted));
    if (!(await begun.promise) || interrupted.aborted) break;
  }
  await Promise.all(ends);
}

/** @param begun told whether it makes sense to begin another one */
async function follow(
  leaver: Leaver,
  leave: Leave,
  begun: (goOn: boolean) => void,
  interrupted: AbortSignal,
): Promise<void> {
  const { connection, request, patienceMs, say, waitsForAll, changed, cancel } = leave;
  let last: Migration | undefined;
  try {
    const asked = connection.follow('Migrate', { ...request, pod: leaver.pod }, new AbortController().signal);
    for await (const { migration } of reattaching(asked, connection, patienceMs, say)) {
      if (migration === null) continue;
      // Interrupted before it had a name.
      if (last === undefined && interrupted.aborted) cancel(migration.id);
      last = migration;
      const isEnough = isOver(migration) || (!waitsForAll && isMoved(migration));
      leaver.fate = { kind: isEnough ? 'ended' : 'moving', migration };
      changed(leaver);
      begun(true);
      if (isEnough) break;
    }
    if (leaver.fate.kind !== 'ended') throw new Unreachable('the coordinator ended the stream before the end');
  } catch (error) {
    leaver.fate = fateAfter(error, last, leaver);
    changed(leaver);
    begun(leaver.fate.kind !== 'lost');
  }
}

function fateAfter(error: unknown, migration: Migration | undefined, { fate }: Leaver): Leaver['fate'] {
  if (error instanceof Unreachable || migration !== undefined)
    return { kind: 'lost', migration, why: Fault.from(error, 'Internal').message };
  return refused(error, fate.kind === 'possible' ? fate.target : '');
}
