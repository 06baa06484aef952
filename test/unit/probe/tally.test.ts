/** What counts as a gap, by times that are given. */
import { expect, it } from 'vitest';
import { describe } from '../../../coordinator/probe/report.ts';
import { Tally } from '../../../coordinator/probe/tally.ts';

/** Successes at these times since the beginning, each after a millisecond. */
function tally(successes: readonly number[], end: number, later: readonly number[] = []): Tally {
  const one = new Tally(1_000);
  const succeed = (at: number) => {
    one.began(1_000 + at - 1, 1_000 + at - 1);
    one.succeeded(1_000 + at, 1_000 + at - 1);
  };
  for (const at of successes) succeed(at);
  one.ended(1_000 + end);
  for (const at of later) succeed(at);
  return one;
}

it.each([
  ['between two successes', [10, 20, 320, 330], 340, 300, 20],
  ['up to the first success', [500, 510, 520], 530, 500, 0],
  ['from the last success to the end', [10, 20], 720, 700, 20],
  ['all of it, without a success', [], 400, 400, 0],
])('a gap %s', (_what, successes, end, longest, began) => {
  const report = tally(successes, end).report('tcp://x:1');
  expect(report.longestGapMs).toBe(longest);
  expect(report.gapBeganUnixMs - report.beganUnixMs).toBeCloseTo(began, 1);
  const ended = report.gapEndedUnixMs === null ? null : Math.round(report.gapEndedUnixMs - report.beganUnixMs);
  expect(ended).toBe(began + longest < end ? began + longest : null);
});

it('counts an answer that comes after the end, but takes no gap from it', () => {
  expect(tally([10, 20], 30, [900]).report('tcp://x:1')).toMatchObject({ attempts: 3, succeeded: 3, longestGapMs: 10 });
});

it('knows latencies to three digits, in the same memory however many they are', () => {
  const one = new Tally(0);
  for (let n = 1; n <= 100_000; n += 1) one.succeeded(n, n - (n % 1_000) / 10);
  const { latencyMs } = one.report('tcp://x:1');
  expect(latencyMs?.p50).toBeCloseTo(50, 0);
  expect(latencyMs?.p95).toBeCloseTo(95, 0);
  expect(latencyMs?.max).toBeCloseTo(99.9, 2);
  expect(tally([], 10).report('tcp://x:1').latencyMs).toBeNull();
});

it('tells people what there is to tell', () => {
  const one = tally([10, 190, 200], 210);
  one.began(1_205, 1_205);
  one.missed('refused');
  const report = one.report('redis://10.0.0.1');
  const began = new Date(report.gapBeganUnixMs).toISOString();
  expect(describe(report).split('\n')).toEqual([
    'probe       redis://10.0.0.1',
    'attempts    4, 3 succeeded; refused 1',
    `longest gap 180ms, began ${began}`,
    'latency     p50 1.0ms, p95 1.0ms, max 1.0ms',
  ]);
  const pod = { createdMs: 40, readyMs: 1_500, accessibleMs: 1_520 };
  const more = describe({ ...report, longestLatenessMs: 80, pod }).split('\n');
  expect(more.slice(4)).toEqual([
    'itself late up to 80ms',
    'pod         created +40ms, ready +1.50s, accessible again +1.52s',
  ]);
});
