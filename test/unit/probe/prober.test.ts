/** The prober against servers that go away, hang and come back. Lower bounds are sharp, upper ones are for busy machines. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { Probe } from '../../../coordinator/probe/probe.ts';
import { Prober } from '../../../coordinator/probe/prober.ts';
import type { Report } from '../../../coordinator/probe/report.ts';
import { parseTarget } from '../../../coordinator/probe/target.ts';
import { attemptsAtATime, type Timing, usualTiming } from '../../../coordinator/probe/timing.ts';
import { until } from '../coordinator/until.ts';
import { FakeRedis } from '../fake-redis.ts';
import { answerHttp, listen } from './local-server.ts';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(undo.splice(0).map(async (each) => await each()));
});

interface Running {
  prober: Prober;
  finish: () => Promise<Report>;
}

async function start(url: string, timing: Timing = usualTiming): Promise<Running> {
  const prober = new Prober(parseTarget(url), timing);
  const stop = new AbortController();
  const report = prober.run(stop.signal);
  await prober.answered;
  return {
    prober,
    async finish() {
      stop.abort();
      return await report;
    },
  };
}

const sum = ({ errors }: Report) => Object.values(errors).reduce((all, some) => all + some, 0);

it('has nothing to complain about a server that answers', async () => {
  const server = await listen((socket) => answerHttp(socket, '200 OK'));
  undo.push(server.goAway);
  const { finish } = await start(`http://127.0.0.1:${server.port}/`, { intervalMs: 5, timeoutMs: 3_000 });
  await sleep(400);
  const report = await finish();
  expect(report.attempts).toBeGreaterThan(5);
  expect(report.attempts).toBeLessThanOrEqual(
    2 + (performance.timeOrigin + performance.now() - report.beganUnixMs) / 5,
  );
  expect(report.succeeded).toBe(report.attempts);
  expect(sum(report)).toBe(0);
  expect(report.latencyMs?.p50).toBeGreaterThan(0);
  expect(report.latencyMs?.p50).toBeLessThanOrEqual(report.latencyMs?.p95 ?? 0);
  expect(report.latencyMs?.p95).toBeLessThanOrEqual(report.latencyMs?.max ?? 0);
});

it('is refused by a server that goes away, and measures until it is back', async () => {
  const server = await listen((socket) => socket.resume());
  undo.push(server.goAway);
  const { finish } = await start(`tcp://127.0.0.1:${server.port}`);
  await sleep(100);
  await server.goAway();
  const away = performance.timeOrigin + performance.now();
  await sleep(300);
  await server.comeBack();
  await sleep(200);
  const report = await finish();
  expect(report.errors.refused).toBeGreaterThan(10);
  expect(report.attempts).toBe(report.succeeded + sum(report));
  expect(report.longestGapMs).toBeGreaterThan(290);
  expect(report.longestGapMs).toBeLessThan(2_000);
  expect(report.gapBeganUnixMs).toBeLessThan(away + 20);
  expect(report.gapBeganUnixMs + report.longestGapMs).toBeGreaterThan(away + 290);
});

it('sees that a server is back while earlier attempts still hang', async () => {
  let silent = false;
  let answers = 0;
  const server = await listen((socket) => {
    if (silent) return void socket.resume();
    answers += 1;
    answerHttp(socket, '200 OK');
  });
  undo.push(server.goAway);
  const timing = { intervalMs: 10, timeoutMs: 4_000 };
  const { finish } = await start(`http://127.0.0.1:${server.port}/`, timing);
  silent = true;
  // Long enough for more of them than 64.
  await sleep(800);
  silent = false;
  const before = answers;
  await until('it is served again', () => answers > before + 5);
  const report = await finish();
  expect(report.longestGapMs).toBeGreaterThan(780);
  expect(report.longestGapMs).toBeLessThan(3_500);
  // They have been left to end as they do.
  expect(report.errors.timeout).toBeGreaterThan(20);
  expect(report.attempts).toBe(report.succeeded + sum(report));
});

it('counts a silence that lasts to the end', async () => {
  const redis = new FakeRedis();
  undo.push(async () => await redis.stop());
  const { finish } = await start(`redis://127.0.0.1:${await redis.listen('127.0.0.1')}`, {
    intervalMs: 5,
    timeoutMs: 200,
  });
  redis.fault = 'silent';
  await sleep(400);
  const report = await finish();
  expect(report.longestGapMs).toBeGreaterThan(380);
  expect(report.errors.timeout).toBeGreaterThan(10);
});

it('has no more under way than begin within one timeout', async () => {
  let hanging = 0;
  let most = 0;
  const probe: Probe = {
    async attempt(signal) {
      hanging += 1;
      most = Math.max(most, hanging);
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    },
  };
  const counted: Probe = { attempt: async (signal) => await probe.attempt(signal).finally(() => (hanging -= 1)) };
  const timing = { intervalMs: 5, timeoutMs: 100 };
  const stop = new AbortController();
  const running = new Prober({ url: 'tcp://x:1', probe: counted }, timing).run(stop.signal);
  await sleep(400);
  stop.abort();
  const { succeeded, errors, attempts, latencyMs } = await running;
  expect([succeeded, latencyMs]).toEqual([0, null]);
  expect(errors.timeout).toBe(attempts);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(attemptsAtATime(timing));
  expect(hanging).toBe(0);
});

it('gives up when this machine cannot ask', async () => {
  const probe: Probe = { attempt: async () => await Promise.reject(new Error('too many open files')) };
  const running = new Prober({ url: 'tcp://x:1', probe }).run(new AbortController().signal);
  await expect(running).rejects.toThrow('too many open files');
});

it('leaves nothing behind when it is abandoned', async () => {
  const redis = new FakeRedis();
  undo.push(async () => await redis.stop());
  const prober = new Prober(parseTarget(`redis://127.0.0.1:${await redis.listen('127.0.0.1')}`), {
    intervalMs: 5,
    timeoutMs: 60_000,
  });
  redis.fault = 'silent';
  const running = prober.run(new AbortController().signal);
  await sleep(100);
  prober.abandon();
  await expect(running).rejects.toThrow('abandoned');
});
