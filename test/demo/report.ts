/** What the demo found, for people and for programs. */
import { formatBytes, table } from '../../coordinator/cli/table.ts';
import { formatDuration } from '../../coordinator/duration.ts';
import type { Findings } from './course.ts';
import type { Migration } from './kubectl-migrate.ts';

/** What `--json` prints for each migration; times in milliseconds. */
export interface Result {
  pod: string;
  source: string;
  target: string;
  strategy: string;
  transport: string;
  phases: Record<string, number>;
  /** From the source frozen to its processes running at the target. */
  freezeMs: number;
  totalMs: number;
  bytes: number;
  /** What was there before the migration, and how many of those keys are there afterwards. */
  keysBefore: number;
  keysAfter: number;
  /** Of the writer that wrote meanwhile. */
  ackedWrites: number;
  lostWrites: number;
  /** Longest time between two acknowledgements. */
  clientGapMs: number;
}

export function resultOf({ migration, before, after, writer }: Findings): Result {
  const { pod, source, target, strategy, transport, phases, freezeMs, totalMs, bytes } = migration;
  return {
    pod,
    source,
    target,
    strategy,
    transport,
    phases,
    freezeMs,
    totalMs,
    bytes,
    keysBefore: before.keys,
    keysAfter: after.keys,
    ackedWrites: writer.acked,
    lostWrites: writer.lost,
    clientGapMs: writer.maxGapMs,
  };
}

export function phaseTable({ phases, freezeMs, totalMs }: Migration): string {
  return table([
    ['PHASE', 'TIME'],
    ...Object.entries(phases).map(([phase, ms]) => [phase, formatDuration(ms)]),
    ['total', formatDuration(totalMs)],
    ['frozen', formatDuration(freezeMs)],
  ]);
}

export function progress({ id, phase, phases, bytes }: Migration): string {
  const spent = Object.values(phases).reduce((sum, ms) => sum + ms, 0);
  return `${id} ${phase} at ${formatDuration(spent)}${bytes > 0 ? `, ${formatBytes(bytes)} moved` : ''}`;
}

/** What was verified, a line each. Only for findings without complaints. */
export function verified({ before, writer, looked }: Findings): string[] {
  const unanswered = writer.retries === 0 ? 'every try was answered' : `${writer.retries} tries had no answer`;
  return [
    `${before.keys} keys, ${formatBytes(before.bytes)}: the same content before and after (SHA-256 ${before.digest.slice(0, 12)}…)`,
    `${writer.acked} writes were acknowledged meanwhile: all of them are there (${unanswered})`,
    `longest time between two acknowledgements: ${formatDuration(writer.maxGapMs)}`,
    looked,
  ];
}

/** What is wrong, a line each; none if nothing is. */
export function complaints({ before, after, writer, wrong }: Findings): string[] {
  return [
    ...(before.digest === after.digest
      ? []
      : [`the data changed: ${before.keys} keys (${before.digest}) before, ${after.keys} (${after.digest}) after`]),
    ...(writer.lost === 0 ? [] : [`${writer.lost} of ${writer.acked} acknowledged writes are lost`]),
    ...wrong,
  ];
}

/** All migrations beside each other. */
export function summary(results: readonly Result[]): string {
  return table([
    ['FROM', 'TO', 'TRANSPORT', 'FROZEN', 'CLIENT GAP', 'TOTAL', 'MOVED', 'WRITES', 'LOST'],
    ...results.map((result) => [
      result.source,
      result.target,
      result.transport,
      formatDuration(result.freezeMs),
      formatDuration(result.clientGapMs),
      formatDuration(result.totalMs),
      formatBytes(result.bytes),
      String(result.ackedWrites),
      String(result.lostWrites),
    ]),
  ]);
}
