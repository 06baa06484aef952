/** What a client of the pod has missed: an object for programs, a few lines for people. */
import { formatDuration } from '../duration.ts';
import { type MissKind, missKinds } from './probe.ts';

/** Stable: scripts read it. */
export interface Report {
  url: string;
  beganUnixMs: number;
  attempts: number;
  succeeded: number;
  errors: Record<MissKind, number>;
  /** Between two successes in succession; also from the beginning to the first one, and from the last one to the end. */
  longestGapMs: number;
  /** To lay it beside a migration's own moments. */
  gapBeganUnixMs: number;
  /** The success that ended it; null: it lasted to the end. */
  gapEndedUnixMs: number | null;
  /** Of successes; null when there was none. */
  latencyMs: { p50: number; p95: number; max: number } | null;
  /** By how much an attempt began later than it should have: so much of a gap may be this machine's own. */
  longestLatenessMs: number;
  /** Filled in by whoever follows a migration; since that began. Null: it never was, or nobody saw it. */
  pod?: {
    /** The target's pod was there, and ready. */
    createdMs: number | null;
    readyMs: number | null;
    /** The pod answered again: the end of the longest gap. */
    accessibleMs: number | null;
  };
}

export function failed({ attempts, succeeded }: Report): boolean {
  return succeeded < attempts;
}

export function describe(report: Report): string {
  const { url, attempts, succeeded, errors, longestGapMs, gapBeganUnixMs, latencyMs, longestLatenessMs, pod } = report;
  const kinds = missKinds.filter((kind) => errors[kind] > 0).map((kind) => `${kind} ${errors[kind]}`);
  const lines = [
    ['probe', url],
    ['attempts', `${attempts}, ${succeeded} succeeded${kinds.length === 0 ? '' : `; ${kinds.join(', ')}`}`],
    ['longest gap', `${formatDuration(longestGapMs)}, began ${new Date(gapBeganUnixMs).toISOString()}`],
    ...(latencyMs === null ? [] : [['latency', describeLatency(latencyMs)]]),
    // Below that it explains nothing, and a timer is often a few milliseconds late.
    ...(longestLatenessMs < 20 ? [] : [['itself late', `up to ${formatDuration(longestLatenessMs)}`]]),
    ...(pod === undefined ? [] : [['pod', describePod(pod)]]),
  ];
  return lines.map(([name = '', value = '']) => `${name.padEnd(12)}${value}`).join('\n');
}

function describeLatency({ p50, p95, max }: NonNullable<Report['latencyMs']>): string {
  // Most are below a millisecond, or a few.
  const format = (ms: number) => (ms < 10 ? `${ms.toFixed(1)}ms` : formatDuration(ms));
  return `p50 ${format(p50)}, p95 ${format(p95)}, max ${format(max)}`;
}

function describePod({ createdMs, readyMs, accessibleMs }: NonNullable<Report['pod']>): string {
  const [created, ready, accessible] = [createdMs, readyMs, accessibleMs].map((ms) =>
    ms === null ? '-' : `+${formatDuration(ms)}`,
  );
  return `created ${created}, ready ${ready}, accessible again ${accessible}`;
}
