/**
 * A coordinator may be started anew in the middle of a migration: the new one carries on from the agents' journals, under
 * the same id. Whoever watches looks for it for a while before it says that it does not know how things went on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../proto/fault.ts';
import type { MigrationEvent__Output as MigrationEvent } from '../../proto/gen/podferry/v1/MigrationEvent.ts';
import { type Connection, Unreachable } from './way/connection.ts';

const pauseMs = 500;

/** @param patienceMs how long a coordinator may be away; 0: not at all */
export async function* reattaching(
  events: AsyncIterable<MigrationEvent>,
  connection: Connection,
  patienceMs: number,
  say: (line: string) => void,
): AsyncGenerator<MigrationEvent> {
  const forever = new AbortController().signal;
  let id: string | undefined;
  let lostAt: number | undefined;
  let present = events;
  while (true) {
    try {
      for await (const event of present) {
        id = event.migration?.id ?? id;
        lostAt = undefined;
        yield event;
      }
      return;
    } catch (error) {
      // Refused before it was anything: nobody has to be looked for.
      if (id === undefined) throw error;
      if (error instanceof Fault) throw forgotten(error, id);
      if (!(error instanceof Unreachable)) throw error;
      if (lostAt === undefined) say(`${error.message}; looking for it again for ${patienceMs / 1_000} s`);
      lostAt ??= performance.now();
      if (performance.now() - lostAt >= patienceMs) {
        throw new Unreachable(
          `${error.message}. It is not known how ${id} goes on: "get ${id}" tells when the coordinator is back`,
          { cause: error },
        );
      }
    }
    await sleep(pauseMs);
    present = connection.follow('Watch', { id }, forever);
  }
}

function forgotten(fault: Fault, id: string): Error {
  if (fault.reason !== 'MigrationNotFound') return fault;
  const why = 'the coordinator was started anew, and found nothing of it that was still to do';
  return new Unreachable(`${id}: ${why}. It has ended, rolled back unless the pod is at its target`, { cause: fault });
}
