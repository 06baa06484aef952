/** What becomes of each pod of a node: words and objects for one, and how the program ends for all of them. */
import type { Finding__Output as Finding } from '../../proto/gen/podferry/v1/Finding.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import type { PodRef__Output as PodRef } from '../../proto/gen/podferry/v1/PodRef.ts';
import { formatDuration } from '../duration.ts';
import { type ExitCode, exitCode } from './exit.ts';
import { describeConnections, isMoved } from './progress.ts';
import { toObject } from './show.ts';
import { formatBytes, table } from './table.ts';

export type Fate =
  | { kind: 'unasked' }
  /** Nothing is against it. */
  | { kind: 'possible'; target: string }
  | { kind: 'refused'; target: string; findings: Finding[] }
  | { kind: 'moving' | 'ended'; migration: Migration }
  /** The coordinator went away, and it is not known how it goes on. */
  | { kind: 'lost'; migration: Migration | undefined; why: string };

export interface Leaver {
  readonly pod: PodRef;
  fate: Fate;
}

type Result = 'Succeeded' | 'RolledBack' | 'Failed' | 'Refused' | 'Unknown' | 'Possible' | 'NotStarted';

export function isSettled({ kind }: Fate): boolean {
  return kind === 'refused' || kind === 'ended' || kind === 'lost';
}

export function nameOf({ pod }: Leaver): string {
  return `${pod.namespace}/${pod.name}`;
}

function resultOf(fate: Fate, dryRun: boolean): Result {
  switch (fate.kind) {
    case 'unasked':
      return 'NotStarted';
    case 'possible':
      return dryRun ? 'Possible' : 'NotStarted';
    case 'refused':
      return 'Refused';
    case 'moving':
    case 'lost':
      return 'Unknown';
    case 'ended':
      return isMoved(fate.migration) ? 'Succeeded' : (fate.migration.phase as Result);
  }
}

function targetOf(fate: Fate): string {
  if (fate.kind === 'possible' || fate.kind === 'refused') return fate.target;
  return fate.kind === 'unasked' ? '' : (fate.migration?.plan?.target_node ?? '');
}

function findingsOf(fate: Fate): Finding[] {
  if (fate.kind === 'refused') return fate.findings;
  return fate.kind === 'ended' && fate.migration.outcome !== null ? [fate.migration.outcome] : [];
}

/** Why it is not at its target, or perhaps not. */
function whyOf(fate: Fate): string[] {
  if (fate.kind === 'lost') return [fate.why];
  return findingsOf(fate).map(({ reason, message }) => `${reason}: ${message}`);
}

/** Stable: scripts read it. */
export function leaverObject({ pod: { namespace, name, uid }, fate }: Leaver, dryRun: boolean) {
  const findings = findingsOf(fate).map(({ reason, message }) => ({ reason, message }));
  const pod = { namespace, pod: name, uid, target: targetOf(fate), result: resultOf(fate, dryRun), findings };
  if (fate.kind === 'lost') return { ...pod, message: fate.why };
  if (fate.kind !== 'ended') return pod;
  const { id, freezeMs, totalMs, bytes, network, connections } = toObject(fate.migration);
  return { ...pod, id, freezeMs, totalMs, bytes, network, connections };
}

/** While it lasts. */
export function progressTable(leavers: readonly Leaver[], now: number): string {
  return table([['POD', 'TO', 'STATE', 'BYTES', 'TIME'], ...leavers.map((leaver) => progressRow(leaver, now))]);
}

function progressRow(leaver: Leaver, now: number): string[] {
  const { fate } = leaver;
  const start = [nameOf(leaver), targetOf(fate) || '-'];
  if (fate.kind === 'refused') return [...start, fate.findings.map(({ reason }) => reason).join(','), '', ''];
  if (fate.kind !== 'moving' && fate.kind !== 'ended') return [...start, fate.kind === 'lost' ? 'Unknown' : '', '', ''];
  const { phase, bytes_done, created_unix_ms, total_ms } = fate.migration;
  const ms = fate.kind === 'ended' ? total_ms : Math.max(0, now - created_unix_ms);
  return [...start, phase, formatBytes(Number(bytes_done)), formatDuration(ms)];
}

/** For whoever reads line by line. */
export function settledLine(leaver: Leaver): string {
  const { fate } = leaver;
  const facts = fate.kind === 'ended' && fate.migration.freeze_ms > 0 ? [frozen(fate.migration)] : [];
  const way = targetOf(fate) === '' ? '' : ` → ${targetOf(fate)}`;
  const left =
    fate.kind === 'ended' && isMoved(fate.migration) ? [describeConnections(fate.migration, Date.now())] : [];
  return [`${nameOf(leaver)}${way} ${resultOf(fate, false)}`, ...facts, ...left, ...whyOf(fate)].join(', ');
}

function frozen({ freeze_ms }: Migration): string {
  return `frozen ${formatDuration(freeze_ms)}`;
}

export function resultTable(leavers: readonly Leaver[], dryRun: boolean): string {
  const rows = leavers.map((leaver) => {
    const { fate } = leaver;
    const freeze =
      fate.kind === 'ended' && fate.migration.freeze_ms > 0 ? formatDuration(fate.migration.freeze_ms) : '-';
    const reasons = new Set(findingsOf(fate).map(({ reason }) => reason));
    return [nameOf(leaver), targetOf(fate) || '-', resultOf(fate, dryRun), freeze, [...reasons].join(',') || '-'];
  });
  return table([['POD', 'TO', 'RESULT', 'FREEZE', 'REASON'], ...rows]);
}

/** What a table has no room for. */
export function reasonList(leavers: readonly Leaver[]): string[] {
  return leavers.flatMap((leaver) => whyOf(leaver.fate).map((why) => `${nameOf(leaver)}: ${why}`));
}

export interface Counts {
  moved: number;
  stayed: number;
  failed: number;
  unknown: number;
}

export function count(leavers: readonly Leaver[], dryRun: boolean): Counts {
  const counts: Counts = { moved: 0, stayed: 0, failed: 0, unknown: 0 };
  for (const { fate } of leavers) counts[classOf(resultOf(fate, dryRun))] += 1;
  return counts;
}

function classOf(result: Result): keyof Counts {
  switch (result) {
    case 'Succeeded':
    case 'Possible':
      return 'moved';
    case 'Failed':
      return 'failed';
    case 'Unknown':
      return 'unknown';
    case 'Refused':
    case 'RolledBack':
    case 'NotStarted':
      return 'stayed';
  }
}

/** The worst of all. */
export function codeOfAll({ failed, unknown, stayed }: Counts, interrupted: boolean): ExitCode {
  if (failed > 0) return exitCode.failed;
  if (unknown > 0) return exitCode.unreachable;
  if (stayed === 0) return exitCode.succeeded;
  return interrupted ? exitCode.interrupted : exitCode.rolledBack;
}
