/** kubectl migrate node/NODE: every pod of a node that can move does, and each that cannot is named with the reason. */
import { Fault } from '../../proto/fault.ts';
import type { MigrateRequest } from '../../proto/gen/podferry/v1/MigrateRequest.ts';
import { parseDuration } from '../duration.ts';
import type { Connection } from './way/connection.ts';
import { type Console, printLines } from './console.ts';
import { type ExitCode, exitCode } from './exit.ts';
import {
  codeOfAll,
  count,
  type Counts,
  isSettled,
  type Leaver,
  leaverObject,
  nameOf,
  progressTable,
  reasonList,
  resultTable,
  settledLine,
} from './fate.ts';
import { cancel, defaultReconnectMs } from './follow.ts';
import { examineAll, type Leave, moveAll } from './leave.ts';
import { liveTable } from './live-table.ts';
import { type MigrateFlags, readFlags } from './migrate.ts';
import { isForPrograms, print } from './show.ts';

const written = /^nodes?\//;

export function isNode(argument: string): boolean {
  return written.test(argument);
}

export interface NodeRequest {
  node: string;
  /** Empty: all. */
  namespace: string;
  /** Of each pod. */
  request: MigrateRequest;
}

/** @param flags with an empty namespace for all. @throws Fault InvalidArgument with every mistake, before anybody is asked */
export function readNodeFlags(argument: string, flags: MigrateFlags): NodeRequest {
  const node = argument.replace(written, '');
  const { pod: _none, ...request } = readFlags(node, flags, 'node');
  if (flags.to === node)
    throw new Fault('InvalidArgument', `--to ${node}: that is where they are; name another node, or none`);
  return { node, namespace: flags.namespace, request };
}

export async function migrateNode(
  connection: Connection,
  { node, namespace, request }: NodeRequest,
  flags: MigrateFlags,
  screen: Console,
): Promise<ExitCode> {
  const { output, reconnect, wait, dryRun = false } = flags;
  const { pods, schedulable } = await connection.call('Pods', { node, namespace });
  const leavers: Leaver[] = pods.map((pod) => ({ pod, fate: { kind: 'unasked' } }));
  leavers.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const view = viewFor(screen, flags, leavers);
  const console = aside(screen, view);
  if (schedulable)
    printLines(console, [`warning: ${node} is not cordoned, so new pods may come: "kubectl cordon ${node}" before`]);
  // All of them lose the same coordinator.
  const said = new Set<string>();
  const sayOnce = (line: string) => {
    if (!said.has(line)) printLines(console, [line]);
    said.add(line);
  };
  const leave: Leave = {
    connection,
    request,
    patienceMs: reconnect === undefined ? defaultReconnectMs : parseDuration(reconnect),
    say: sayOnce,
    waitsForAll: wait === 'all',
    changed: (leaver) => view.changed(leaver),
    cancel: (id) => cancel(connection, id, console),
  };
  const interrupted = new AbortController();
  const { promise: left, resolve: leaveNow } = Promise.withResolvers<ExitCode>();
  let moving = false;
  const stopListening = console.onInterrupt(() => {
    if (interrupted.signal.aborted || !moving) return leaveNow(exitCode.interrupted);
    printLines(console, ['cancelling, and waiting for the roll backs; once more leaves without waiting']);
    interrupted.abort();
  });
  const work = async (): Promise<ExitCode> => {
    const unasked = dryRun ? undefined : await connection.whyNoPreflight();
    if (unasked === undefined) await examineAll(leavers, leave, interrupted.signal);
    else {
      printLines(console, [`warning: none is asked about before, each is refused or moved in its turn: ${unasked}`]);
      for (const leaver of leavers) leaver.fate = { kind: 'possible', target: request.target_node ?? '' };
    }
    moving = !dryRun;
    if (moving) await moveAll(leavers, leave, interrupted.signal);
    view.end();
    const counts = count(leavers, dryRun);
    if (isForPrograms(output)) {
      const all = leavers.map((leaver) => leaverObject(leaver, dryRun));
      console.out.write(print({ node, schedulable, ...counts, pods: all }, output === 'yaml' ? 'yaml' : 'json'));
    } else console.out.write(`${[...report(leavers, dryRun), summary(node, counts, dryRun)].join('\n')}\n`);
    return codeOfAll(counts, interrupted.signal.aborted);
  };
  try {
    return await Promise.race([work(), left]);
  } finally {
    view.end();
    stopListening();
  }
}

function report(leavers: readonly Leaver[], dryRun: boolean): string[] {
  return leavers.length === 0 ? [] : [resultTable(leavers, dryRun), ...reasonList(leavers)];
}

function summary(node: string, { moved, stayed, failed, unknown }: Counts, dryRun: boolean): string {
  const all = moved + stayed + failed + unknown;
  if (all === 0) return `${node} has no pods that could move`;
  const others = [
    ...(stayed > 0 ? [`${stayed} ${stayed === 1 ? 'stays' : 'stay'}`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unknown > 0 ? [`${unknown} not known`] : []),
  ];
  const some = `${moved} of ${all} ${all === 1 ? 'pod' : 'pods'}`;
  return `${node}: ${[dryRun ? `${some} can move` : `${some} moved`, ...others].join(', ')}${dryRun ? '. Nothing was touched' : ''}`;
}

interface View {
  changed(leaver: Leaver): void;
  wipe(): void;
  end(): void;
}

/** stdout belongs to the object when a program reads it. */
function viewFor({ out, err }: Console, { output, dryRun }: MigrateFlags, leavers: readonly Leaver[]): View {
  const screen = isForPrograms(output) ? err : out;
  if (screen.isTTY) {
    const live = liveTable(screen, () => progressTable(leavers, Date.now()));
    return { changed: () => {}, wipe: () => live.wipe(), end: () => live.end() };
  }
  const silent = isForPrograms(output) || dryRun === true;
  return {
    changed: (leaver) => void (silent || !isSettled(leaver.fate) || out.write(`${settledLine(leaver)}\n`)),
    wipe: () => {},
    end: () => {},
  };
}

/** What is said on stderr meanwhile does not get into the table. */
function aside(screen: Console, view: View): Console {
  const { out, err } = screen;
  const write = (text: string | Uint8Array) => {
    view.wipe();
    return err.write(text);
  };
  return {
    out,
    err: { write, isTTY: err.isTTY, columns: err.columns, rows: err.rows },
    onInterrupt: (listener) => screen.onInterrupt(listener),
  };
}
