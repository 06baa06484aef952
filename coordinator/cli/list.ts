/** kubectl migrate list, get and cancel: what is known of migrations, and the one thing that can be done to them. */
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { formatDuration } from '../duration.ts';
import { checkName } from '../names.ts';
import type { Connection } from './way/connection.ts';
import type { Console } from './console.ts';
import { type ExitCode, exitCode } from './exit.ts';
import { type FollowFlags, followToEnd } from './follow.ts';
import { dashed, type Format, print, showOne, toObject } from './show.ts';
import { formatBytes, table } from './table.ts';

export async function list(
  connection: Connection,
  running: boolean,
  output: Format,
  console: Console,
): Promise<ExitCode> {
  const { migrations } = await connection.call('List', { running_only: running });
  if (output === 'json' || output === 'yaml') console.out.write(print(migrations.map(toObject), output));
  else if (migrations.length === 0) console.out.write('no migrations\n');
  else console.out.write(`${listTable(migrations, output === 'wide', Date.now())}\n`);
  return exitCode.succeeded;
}

function listTable(migrations: readonly Migration[], wide: boolean, now: number): string {
  const more = wide ? ['STRATEGY', 'TRANSPORT', 'NETWORK', 'CONNECTIONS', 'TIME', 'BYTES', 'REASON'] : [];
  const rows = migrations.map((migration) => {
    const { id, plan, phase, freeze_ms, created_unix_ms, total_ms, bytes_done, outcome, connections } = migration;
    return [
      id,
      `${plan?.pod?.namespace ?? ''}/${plan?.pod?.name ?? ''}`,
      plan?.source_node ?? '',
      plan?.target_node ?? '',
      phase,
      freeze_ms > 0 ? formatDuration(freeze_ms) : '-',
      formatDuration(Math.max(0, now - created_unix_ms)),
      ...(wide
        ? [
            dashed(plan?.strategy ?? ''),
            plan?.transport ?? '',
            plan === null || plan.network === 'NETWORK_UNSPECIFIED' ? '-' : dashed(plan.network),
            connections === null ? '-' : String(connections.kept + connections.forwarded),
            formatDuration(total_ms),
            formatBytes(Number(bytes_done)),
            outcome?.reason ?? '-',
          ]
        : []),
    ];
  });
  return table([['ID', 'POD', 'FROM', 'TO', 'PHASE', 'FREEZE', 'AGE', ...more], ...rows]);
}

export async function get(connection: Connection, id: string, output: Format, console: Console): Promise<ExitCode> {
  const migration = await connection.call('Get', { id: checkName('migration', id) });
  console.out.write(showOne(migration, output));
  const { outcome } = migration;
  if (outcome !== null && (output === 'text' || output === 'wide'))
    console.out.write(`${outcome.reason}: ${outcome.message}\n`);
  return exitCode.succeeded;
}

/** Waits for the roll back, unless told not to: a script that goes on wants the pod where it was. */
export async function cancel(
  connection: Connection,
  id: string,
  flags: Omit<FollowFlags, 'wait'> & { wait: boolean },
  console: Console,
): Promise<ExitCode> {
  const migration = await connection.call('Cancel', { id: checkName('migration', id) });
  const { output, wait } = flags;
  if (!wait) {
    console.out.write(
      output === 'json' || output === 'yaml'
        ? showOne(migration, output)
        : migration.committed
          ? `${id} gives its last connections up\n`
          : `${id} is being rolled back\n`,
    );
    return exitCode.succeeded;
  }
  const ended = await followToEnd(
    connection.follow('Watch', { id }, new AbortController().signal),
    connection,
    { ...flags, wait: 'all' },
    console,
    false,
  );
  return ended === exitCode.rolledBack ? exitCode.succeeded : ended;
}
