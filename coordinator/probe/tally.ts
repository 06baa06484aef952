/** What the attempts came to. It stays as small as it is, however long they go on. */
import { createHistogram } from 'node:perf_hooks';
import { type MissKind, missKinds } from './probe.ts';
import type { Report } from './report.ts';

const microsecondsAnHour = 3_600_000_000;

export class Tally {
  readonly #began: number;
  /** Of the last success; before the first one the beginning stands in for it. */
  #last: number;
  /** Over: a success ended it. */
  #gap: { began: number; ms: number; over: boolean };
  #over = false;
  #attempts = 0;
  #succeeded = 0;
  readonly #errors = Object.fromEntries(missKinds.map((kind) => [kind, 0])) as Record<MissKind, number>;
  /** Microseconds, to three digits. */
  readonly #latency = createHistogram({ lowest: 1, highest: microsecondsAnHour, figures: 3 });
  #slowest = 0;
  #lateness = 0;

  /** Every time is one of performance.now(): it never goes back. */
  constructor(now: number) {
    this.#began = now;
    this.#last = now;
    this.#gap = { began: now, ms: 0, over: false };
  }

  began(now: number, due: number): void {
    this.#attempts += 1;
    this.#lateness = Math.max(this.#lateness, now - due);
  }

  succeeded(now: number, began: number): void {
    this.#succeeded += 1;
    this.#latency.record(Math.max(1, Math.round((now - began) * 1_000)));
    this.#slowest = Math.max(this.#slowest, now - began);
    if (!this.#over) this.#measureGap(now, true);
    this.#last = now;
  }

  missed(kind: MissKind): void {
    this.#errors[kind] += 1;
  }

  /** No attempt begins any more, so that later successes are counted, but say nothing of gaps between them. */
  ended(now: number): void {
    this.#measureGap(now, false);
    this.#over = true;
  }

  #measureGap(now: number, over: boolean): void {
    const ms = now - this.#last;
    if (ms > this.#gap.ms) this.#gap = { began: this.#last, ms, over };
  }

  report(url: string): Report {
    return {
      url,
      beganUnixMs: unixMs(this.#began),
      attempts: this.#attempts,
      succeeded: this.#succeeded,
      errors: { ...this.#errors },
      longestGapMs: round(this.#gap.ms),
      gapBeganUnixMs: unixMs(this.#gap.began),
      gapEndedUnixMs: this.#gap.over ? unixMs(this.#gap.began + this.#gap.ms) : null,
      latencyMs:
        this.#succeeded === 0
          ? null
          : {
              p50: Math.min(this.#latency.percentile(50) / 1_000, round(this.#slowest)),
              p95: Math.min(this.#latency.percentile(95) / 1_000, round(this.#slowest)),
              max: round(this.#slowest),
            },
      longestLatenessMs: round(this.#lateness),
    };
  }
}

function unixMs(now: number): number {
  return round(performance.timeOrigin + now);
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
