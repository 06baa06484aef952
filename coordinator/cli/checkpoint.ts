/** kubectl checkpoint POD, list and delete. */
import { Fault } from '../../proto/fault.ts';
import type { Checkpoint__Output as Checkpoint } from '../../proto/gen/podferry/v1/Checkpoint.ts';
import type { CheckpointRequest } from '../../proto/gen/podferry/v1/CheckpointRequest.ts';
import { formatDuration, parseDuration } from '../duration.ts';
import { checkName, mistakeIn } from '../names.ts';
import type { Connection } from './way/connection.ts';
import { type Console, printLines } from './console.ts';
import { type ExitCode, exitCode, reasonLines } from './exit.ts';
import { type Format, print } from './show.ts';
import { formatBytes, table } from './table.ts';

export interface CheckpointFlags {
  namespace: string;
  name?: string;
  timeout?: string;
}

/** @throws Fault InvalidArgument with every mistake, before anybody is asked */
export function readFlags(argument: string, { namespace, name, timeout }: CheckpointFlags): CheckpointRequest {
  const pod = argument.replace(/^pods?\//, '');
  const mistakes = [
    mistakeIn('pod', pod),
    mistakeIn('namespace', namespace),
    name === undefined ? undefined : mistakeIn('checkpoint', name),
  ].filter((mistake) => mistake !== undefined);
  if (mistakes.length > 0) throw new Fault('InvalidArgument', mistakes.join('; '));
  const ms = timeout === undefined ? undefined : parseDuration(timeout);
  if (ms === 0) throw new Fault('InvalidArgument', '--timeout has to be more than nothing');
  return {
    pod: { namespace, name: pod },
    ...(name !== undefined && { name }),
    ...(ms !== undefined && { timeout_ms: ms }),
  };
}

/** Ctrl-C only ends the looking: what is under way is an object, and deleting it takes it back. */
export async function checkpoint(
  connection: Connection,
  request: CheckpointRequest,
  format: Format,
  console: Console,
): Promise<ExitCode> {
  const leave = new AbortController();
  const stopListening = console.onInterrupt(() => leave.abort());
  let last: Checkpoint | undefined;
  try {
    for await (const now of connection.follow('Checkpoint', request, leave.signal)) last = now;
  } finally {
    stopListening();
  }
  if (leave.signal.aborted) {
    const then =
      last === undefined ? '' : `; "kubectl checkpoint delete ${last.name} -n ${last.namespace}" takes it back`;
    printLines(console, [`it goes on without us${then}`]);
    return exitCode.interrupted;
  }
  if (last === undefined) throw new Fault('Internal', 'the coordinator told nothing of the checkpoint');
  console.out.write(format === 'json' || format === 'yaml' ? print(toObject(last), format) : `${summary(last)}\n`);
  if (last.ready) return exitCode.succeeded;
  const { reason = 'Cancelled', message = 'it was deleted before it had ended' } = last.outcome ?? {};
  printLines(console, reasonLines(reason, message));
  return exitCode.rolledBack;
}

export async function listCheckpoints(
  connection: Connection,
  namespace: string,
  format: Format,
  console: Console,
): Promise<ExitCode> {
  if (namespace !== '') checkName('namespace', namespace);
  const { checkpoints } = await connection.call('ListCheckpoints', { namespace });
  if (format === 'json' || format === 'yaml') console.out.write(print(checkpoints.map(toObject), format));
  else if (checkpoints.length === 0) console.out.write('no checkpoints\n');
  else console.out.write(`${listTable(checkpoints, format === 'wide', Date.now())}\n`);
  return exitCode.succeeded;
}

export async function deleteCheckpoint(
  connection: Connection,
  namespace: string,
  name: string,
  console: Console,
): Promise<ExitCode> {
  checkName('namespace', namespace);
  await connection.call('DeleteCheckpoint', { namespace, name: checkName('checkpoint', name) });
  console.out.write(`${name} is being deleted, and its files\n`);
  return exitCode.succeeded;
}

/** Stable: scripts read it. */
function toObject({ namespace, name, pod, node, ended, ready, outcome, ...rest }: Checkpoint) {
  const { bytes, freeze_ms, total_ms, created_unix_ms, location } = rest;
  return {
    namespace,
    name,
    pod: pod?.name ?? '',
    uid: pod?.uid ?? '',
    node,
    ended,
    ready,
    ...(outcome === null ? {} : { reason: outcome.reason, message: outcome.message }),
    bytes: Number(bytes),
    freezeMs: freeze_ms,
    totalMs: total_ms,
    location,
    createdAt: new Date(created_unix_ms).toISOString(),
  };
}

function summary({ namespace, name, pod, node, ready, bytes, freeze_ms, total_ms }: Checkpoint): string {
  const what = `${namespace}/${name}: pod ${pod?.name ?? ''}${node === '' ? '' : ` on ${node}`}`;
  if (!ready) return `${what}, no checkpoint`;
  const facts = [`frozen ${formatDuration(freeze_ms)}`, formatBytes(Number(bytes))];
  return `${what}, checkpointed in ${formatDuration(total_ms)}, ${facts.join(', ')}`;
}

function listTable(checkpoints: readonly Checkpoint[], wide: boolean, now: number): string {
  const rows = checkpoints.map(({ namespace, name, pod, node, ready, bytes, created_unix_ms, ...rest }) => [
    namespace,
    name,
    pod?.name ?? '',
    node,
    ready ? 'True' : 'False',
    formatBytes(Number(bytes)),
    formatDuration(Math.max(0, now - created_unix_ms)),
    ...(wide ? [formatDuration(rest.freeze_ms), rest.outcome?.reason ?? '-', rest.location] : []),
  ]);
  const more = wide ? ['FREEZE', 'REASON', 'LOCATION'] : [];
  return table([['NAMESPACE', 'NAME', 'POD', 'NODE', 'READY', 'SIZE', 'AGE', ...more], ...rows]);
}
