/** kubectl migrate --from-checkpoint NAME --replicas N */
import { Fault } from '../../proto/fault.ts';
import type { Copy__Output as Copy } from '../../proto/gen/podferry/v1/Copy.ts';
import type { StartCopiesRequest } from '../../proto/gen/podferry/v1/StartCopiesRequest.ts';
import { isEnd, type Phase } from '../../proto/phases.ts';
import { formatDuration, parseDuration } from '../duration.ts';
import { mistakeIn } from '../names.ts';
import type { Connection } from './way/connection.ts';
import { type Console, printLines } from './console.ts';
import { type ExitCode, exitCode, reasonLines } from './exit.ts';
import { type Format, isForPrograms, print } from './show.ts';
import { table } from './table.ts';

export interface CopiesFlags {
  namespace: string;
  fromCheckpoint?: string;
  replicas?: string;
  to?: string;
  timeout?: string;
  freezeTimeout?: string;
  linger?: string;
  network?: string;
  connectionLinger?: string;
  probe?: string;
  dryRun?: boolean;
  detach?: boolean;
}

/** Undefined: no copies are asked for. @throws Fault InvalidArgument with every mistake, before anybody is asked */
export function readCopiesFlags(pod: string | undefined, flags: CopiesFlags): StartCopiesRequest | undefined {
  const { fromCheckpoint: name, replicas = '1', namespace, to, timeout } = flags;
  if (name === undefined) {
    if (flags.replicas !== undefined) throw new Fault('InvalidArgument', '--replicas needs --from-checkpoint');
    if (pod === undefined) throw new Fault('InvalidArgument', 'missing required argument: a pod, or --from-checkpoint');
    return undefined;
  }
  const others = ['freezeTimeout', 'linger', 'network', 'connectionLinger', 'probe', 'dryRun', 'detach'] as const;
  const mistakes = [
    pod === undefined ? undefined : 'name a pod that is to move, or --from-checkpoint, not both',
    mistakeIn('checkpoint', name),
    mistakeIn('namespace', namespace),
    to === undefined ? undefined : mistakeIn('node', to),
    /^[1-9]\d?$|^100$/.test(replicas) ? undefined : `--replicas: ${JSON.stringify(replicas)} is not from 1 to 100`,
    ...others.map((flag) =>
      flags[flag] === undefined ? undefined : `${dashes(flag)} is of a move: nothing moves here`,
    ),
  ].filter((mistake) => mistake !== undefined);
  if (mistakes.length > 0) throw new Fault('InvalidArgument', mistakes.join('; '));
  return {
    checkpoint: { namespace, name },
    replicas: Number(replicas),
    target_node: to ?? '',
    ...(timeout === undefined ? {} : { timeout_ms: parseDuration(timeout) }),
  };
}

function dashes(flag: string): string {
  return `--${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Ctrl-C takes back those that have not begun to run, and waits for that. */
export async function startCopies(
  connection: Connection,
  request: StartCopiesRequest,
  format: Format,
  console: Console,
): Promise<ExitCode> {
  const copies = new Map<string, Copy>();
  const leave = new AbortController();
  const stopListening = console.onInterrupt(() => leave.abort());
  try {
    for await (const copy of connection.follow('StartCopies', request, leave.signal)) {
      const before = copies.get(copy.id)?.phase;
      copies.set(copy.id, copy);
      if (!isForPrograms(format) && isOver(copy) && before !== copy.phase) tell(copy, console);
    }
  } finally {
    stopListening();
  }
  const all = [...copies.values()];
  if (format === 'json' || format === 'yaml') console.out.write(print(all.map(toObject), format));
  else if (format === 'wide') console.out.write(`${copiesTable(all)}\n`);
  if (leave.signal.aborted) {
    printLines(console, ['interrupted: copies that did not run yet are taken back']);
    return exitCode.interrupted;
  }
  if (!all.every(isOver)) throw new Fault('Internal', 'the coordinator ended the stream before all copies had ended');
  if (all.some(({ phase }) => phase === 'Failed')) return exitCode.failed;
  return all.every(({ phase }) => phase === 'Succeeded') ? exitCode.succeeded : exitCode.rolledBack;
}

function isOver({ phase }: Copy): boolean {
  return isEnd(phase as Phase);
}

function tell({ id, pod, node, phase, outcome, total_ms }: Copy, console: Console): void {
  console.out.write(`${id}: ${pod?.namespace}/${pod?.name} on ${node} ${phase}, ${formatDuration(total_ms)}\n`);
  if (outcome !== null) printLines(console, reasonLines(outcome.reason, outcome.message));
}

function toObject({ id, pod, node, phase, outcome, ip, total_ms }: Copy) {
  return {
    id,
    namespace: pod?.namespace ?? '',
    pod: pod?.name ?? '',
    node,
    phase,
    ...(outcome === null ? {} : { reason: outcome.reason, message: outcome.message }),
    ip,
    totalMs: Math.round(total_ms * 1_000) / 1_000,
  };
}

function copiesTable(copies: readonly Copy[]): string {
  const rows = copies.map(({ id, pod, node, phase, ip, total_ms }) => [
    id,
    `${pod?.namespace ?? ''}/${pod?.name ?? ''}`,
    node,
    phase as string,
    ip,
    formatDuration(total_ms),
  ]);
  return table([['ID', 'POD', 'NODE', 'PHASE', 'IP', 'TIME'], ...rows]);
}
