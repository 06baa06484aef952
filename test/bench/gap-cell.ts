/** What is told of the gaps of one client in one way. Pure. */
import type { Migration } from '../integration/migrate.ts';
import type { WriterSummary } from '../workloads/redis.ts';
import { round, type Summary, summarise } from './quantiles.ts';

export const ownedWorkloads = ['deployment', 'statefulset'] as const;
export type OwnedWorkload = (typeof ownedWorkloads)[number];
/** `pod` is one that nobody owns, made through CRI. */
export type GapWorkload = OwnedWorkload | 'pod';
export type GapWay = 'podferry' | 'recreate';
/** Both write every 5 ms: over one connection, open from before the move to after it, or over a new one each time. */
export const gapClients = ['kept', 'new'] as const;
export type GapClient = (typeof gapClients)[number];

/** More than that above the freeze is worth a look at the moments of the move, in milliseconds. */
const mostOverMs = 60;

export interface GapCell extends Summary {
  bench: 'gap';
  workload: GapWorkload;
  way: GapWay;
  client: GapClient;
  sizeMb: number;
  /** Tries without an answer (refused, reset, closed, timed out …), in all runs. */
  errors: number;
  /** Acknowledged writes that were not there afterwards, in all runs. */
  lost: number;
  /** Of podferry: how long the pod stood still, at the median. */
  freezeMs?: number;
  /** Of podferry: the gap without the freeze of the same run, in milliseconds. */
  overFreezeMs?: Pick<Summary, 'p50' | 'p95' | 'min' | 'max'>;
  /**
   * Of podferry, at the median: from the last answer to frozen; frozen; from running until the source lets traffic
   * pass; from then to the next answer.
   */
  parts?: Record<Part, number>;
}

const partNames = ['forwarding', 'frozen', 'passing', 'client'] as const;
type Part = (typeof partNames)[number];

/** What one client has seen of one run. */
export interface Measured {
  summary: Pick<
    WriterSummary,
    | 'maxGapMs'
    | 'gapBeganUnixMs'
    | 'lost'
    | 'retries'
    | 'refused'
    | 'resets'
    | 'closes'
    | 'timeouts'
    | 'unreachable'
    | 'rejected'
    | 'failed'
  >;
  /** Undefined: it was not moved. */
  moved?: Pick<Migration, 'freezeMs' | 'moments'>;
}

export function cellOf(
  { workload, way, client, sizeMb }: Pick<GapCell, 'workload' | 'way' | 'client' | 'sizeMb'>,
  runs: readonly Measured[],
): GapCell {
  const sum = (what: 'retries' | 'lost') => runs.reduce((total, { summary }) => total + summary[what], 0);
  const freezes = runs.flatMap(({ moved }) => (moved === undefined ? [] : [moved.freezeMs]));
  return {
    bench: 'gap',
    workload,
    way,
    client,
    sizeMb,
    ...summarise(runs.map(({ summary }) => summary.maxGapMs)),
    errors: sum('retries'),
    lost: sum('lost'),
    ...(freezes.length > 0 && {
      freezeMs: summarise(freezes).p50,
      overFreezeMs: overFreeze(runs),
      parts: mediansOf(runs),
    }),
  };
}

function overFreeze(runs: readonly Measured[]): NonNullable<GapCell['overFreezeMs']> {
  const { p50, p95, min, max } = summarise(runs.flatMap((run) => overMs(run) ?? []));
  return { p50, p95, min, max };
}

function overMs({ summary, moved }: Measured): number | undefined {
  return moved === undefined ? undefined : summary.maxGapMs - moved.freezeMs;
}

/** Of the runs whose longest gap is that of the freeze. */
function mediansOf(runs: readonly Measured[]): Record<Part, number> {
  const parts = runs.flatMap((run) => partsOf(run) ?? []);
  const median = (part: Part) => summarise(parts.map((each) => each[part])).p50;
  return Object.fromEntries(partNames.map((part) => [part, median(part)])) as Record<Part, number>;
}

function partsOf({ summary: { maxGapMs, gapBeganUnixMs }, moved }: Measured): Record<Part, number> | undefined {
  if (moved === undefined) return undefined;
  const { frozen = Number.NaN, running = Number.NaN, passed = Number.NaN } = moved.moments;
  const ended = gapBeganUnixMs + maxGapMs;
  if (!(gapBeganUnixMs <= frozen && frozen < ended)) return undefined;
  return {
    forwarding: frozen - gapBeganUnixMs,
    frozen: moved.freezeMs,
    passing: passed - running,
    client: ended - passed,
  };
}

/** In a line: a gap, and where it and the errors lie among the moments if it is more than the freeze explains. */
export function told(run: Measured): string {
  const { maxGapMs, gapBeganUnixMs, lost, retries, failed } = run.summary;
  const gap = `${round(maxGapMs)} ms without an answer${retries + lost === 0 ? '' : `, ${troubles(run)}`}`;
  const over = overMs(run);
  if (over === undefined || run.moved === undefined) return gap;
  const short = `${gap}, ${round(over)} more than frozen`;
  if (over <= mostOverMs && failed === undefined) return short;
  const { frozen = Number.NaN, ...others } = run.moved.moments;
  const course: Record<string, number> = {
    frozen,
    ...others,
    'THE GAP BEGINS': gapBeganUnixMs,
    'IT ENDS': gapBeganUnixMs + maxGapMs,
    ...(failed && { 'FIRST ERROR': failed.firstUnixMs, 'LAST ERROR': failed.lastUnixMs }),
  };
  const inOrder = Object.entries(course).sort(([, a], [, b]) => a - b);
  return `${short}: ${inOrder.map(([name, at]) => `${name} ${round(at - frozen)}`).join(', ')}`;
}

function troubles({ summary }: Measured): string {
  const counts = Object.entries({
    lost: summary.lost,
    refused: summary.refused,
    reset: summary.resets,
    closed: summary.closes,
    'timed out': summary.timeouts,
    unreachable: summary.unreachable,
    rejected: summary.rejected,
  });
  return counts.flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`])).join(', ');
}
