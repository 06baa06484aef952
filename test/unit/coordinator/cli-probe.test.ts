/** kubectl-probe, and kubectl-migrate with --probe, as processes: what they print, and how they end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FakeRedis } from '../fake-redis.ts';
import { run, startProbe } from './cli-process.ts';
import { type Stage, stage } from './stage.ts';
import { until } from './until.ts';

const undo: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(undo.map(async (each) => await each()));
});

async function newStage(): Promise<Stage> {
  const one = await stage();
  undo.push(async () => await one.close());
  return one;
}

class ServingRedis extends FakeRedis {
  url = '';

  static async start(): Promise<ServingRedis> {
    const redis = new ServingRedis();
    redis.url = `redis://127.0.0.1:${await redis.listen('127.0.0.1')}`;
    undo.push(async () => await redis.stop());
    return redis;
  }
}

const report = {
  attempts: expect.any(Number) as number,
  succeeded: expect.any(Number) as number,
  errors: { refused: 0, reset: 0, timeout: 0, unreachable: 0, closed: 0, rejected: 0 },
  longestGapMs: expect.any(Number) as number,
  gapBeganUnixMs: expect.any(Number) as number,
  latencyMs: {
    p50: expect.any(Number) as number,
    p95: expect.any(Number) as number,
    max: expect.any(Number) as number,
  },
};

describe('kubectl probe', { timeout: 20_000 }, () => {
  it('of a server that answers: 0, and a report for people', async () => {
    const { url } = await ServingRedis.start();
    const { code, out, err } = await startProbe(url, '--for', '300ms', '--timeout', '3s').ended;
    expect([code, err]).toEqual([0, '']);
    const [first, second, ...rest] = out.split('\n');
    expect(first).toBe(`probe       ${url}`);
    const [, attempts, succeeded] = /^attempts {4}(\d+), (\d+) succeeded$/.exec(second ?? '') ?? [];
    expect(Number(attempts)).toBeGreaterThan(3);
    expect(succeeded).toBe(attempts);
    expect(rest.join('\n')).toMatch(/^longest gap \d+ms, began 20\S+Z\nlatency {5}p50 \d\S*ms, p95 \S+, max \S+\n/);
  });

  it('of one that is loading: 1, and the kind of error in JSON', async () => {
    const redis = await ServingRedis.start();
    redis.pong = '-LOADING Redis is loading the dataset in memory';
    const { code, out } = await startProbe(redis.url, '--for', '300ms', '--interval', '20ms', '-o', 'json').ended;
    expect(code).toBe(1);
    const { attempts, succeeded, errors, latencyMs, longestGapMs } = JSON.parse(out) as typeof report;
    expect([succeeded, latencyMs]).toEqual([0, null]);
    expect(errors.rejected).toBe(attempts);
    expect(longestGapMs).toBeGreaterThan(290);
  });

  it('ends with its report when it is interrupted', async () => {
    const { url } = await ServingRedis.start();
    const { child, ended } = startProbe(url, '--for', '10m', '-o', 'json', '--timeout', '3s');
    // Nothing tells when it has begun; it takes a moment to start.
    await sleep(1_500);
    child.kill('SIGINT');
    const { code, out } = await ended;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ url, ...report });
  });

  it.each([
    ['no URL', [], /missing required argument/],
    ['a malformed URL', ['nonsense'], /^error: InvalidArgument: "nonsense" cannot be probed: it is not a URL/],
    ['a malformed span', ['tcp://x:1', '--for', 'soon'], /^error: InvalidArgument: --for: "soon"/],
    ['too many at a time', ['tcp://x:1', '--timeout', '1m'], /^error: InvalidArgument: --timeout is 12000 times/],
    ['an unknown format', ['tcp://x:1', '-o', 'xml'], /Allowed choices are json, text/],
  ])('%s: 2, with a reason and no stack', async (_what, args, message) => {
    const { code, out, err } = await startProbe(...args).ended;
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n\s+at /);
    expect([code, out]).toEqual([2, '']);
  });
});

describe('kubectl migrate --probe', { timeout: 20_000 }, () => {
  it('measures from before the migration until after it', async () => {
    const one = await newStage();
    const redis = await ServingRedis.start();
    one.b.delays.set('Restore', 400);
    const moving = run(one, 'redis', '--to', 'node-b', '--probe', redis.url, '-o', 'json');
    await until('it is committed', () => one.b.calls.includes('Restore'));
    redis.fault = 'close';
    await sleep(300);
    redis.fault = 'none';
    const { code, out } = await moving;
    expect(code).toBe(0);
    const { probe, createdAt, totalMs, phase } = JSON.parse(out) as {
      probe: typeof report & {
        beganUnixMs: number;
        pod: { createdMs: number; readyMs: number; accessibleMs: number };
      };
      createdAt: string;
      totalMs: number;
      phase: string;
    };
    expect(phase).toBe('Succeeded');
    expect(probe).toMatchObject({ ...report, errors: { refused: 0, rejected: 0 } });
    expect(probe.beganUnixMs).toBeLessThan(Date.parse(createdAt));
    expect(probe.gapBeganUnixMs).toBeGreaterThan(Date.parse(createdAt));
    expect(probe.longestGapMs).toBeGreaterThan(280);
    expect(probe.longestGapMs).toBeLessThan(totalMs + 2_000);
    expect(probe.errors.closed).toBeGreaterThan(5);
    const { createdMs, readyMs, accessibleMs } = probe.pod;
    expect(createdMs).toBeGreaterThan(0);
    // The restore takes 400 ms, and the gap ends before that.
    expect(readyMs).toBeGreaterThan(createdMs + 380);
    expect(readyMs).toBeLessThan(totalMs);
    expect(accessibleMs).toBeGreaterThan(createdMs + 280);
    expect(accessibleMs).toBeLessThan(totalMs + 600);
  });

  it('prints a few lines after the phases, and a field in yaml', async () => {
    const one = await newStage();
    const { url } = await ServingRedis.start();
    const { out } = await run(one, 'redis', '--to', 'node-b', '--probe', url);
    expect(out).toMatch(/\ntotal .*\n(frozen .*\n)?\nprobe {7}redis:.*\nattempts .*\nlongest gap .*\nlatency .*\n/);
    expect(out).toMatch(/^pod {9}created \+\S+, ready \+\S+, accessible again (\+\S+|-)$/m);
    expect(out).toMatch(/\nmig-\w+: default\/redis node-a → node-b Succeeded, .*\n$/);
    const back = await run(one, 'redis', '--to', 'node-a', '--probe', url, '-o', 'yaml');
    expect(parse(back.out)).toMatchObject({ phase: 'Succeeded', probe: { url } });
  });

  it('of something that does not answer says so and moves the pod; the exit code is the migration’s', async () => {
    const one = await newStage();
    const { code, out, err } = await run(one, 'redis', '--to', 'node-b', '--probe', 'tcp://127.0.0.1:1', '-o', 'json');
    expect(code).toBe(0);
    expect(err).toContain('warning: tcp://127.0.0.1:1 has not answered yet; the migration begins anyway\n');
    expect(JSON.parse(out)).toMatchObject({
      phase: 'Succeeded',
      probe: { succeeded: 0, latencyMs: null, gapEndedUnixMs: null, pod: { accessibleMs: null } },
    });
  });

  it('reports a migration that is rolled back, too', async () => {
    const one = await newStage();
    const { url } = await ServingRedis.start();
    one.a.spoil('FreezeAndSend', 'refuse');
    const { code, out } = await run(one, 'redis', '--to', 'node-b', '--probe', url, '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ phase: 'RolledBack', probe: { url, pod: { readyMs: null } } });
  });

  it('ends at once when the migration is refused, and prints no report', async () => {
    const one = await newStage();
    const { url } = await ServingRedis.start();
    const { code, out, err } = await run(one, 'nobody', '--to', 'node-b', '--probe', url);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: PodNotFound/m);
    expect(err).not.toContain('probe');
  });

  it.each([
    ['a malformed URL', ['--probe', 'ftp://x'], /--probe: "ftp:\/\/x" cannot be probed: ftp is not known/],
    ['--detach', ['--probe', 'tcp://x:1', '--detach'], /not with --detach or --dry-run/],
    ['--dry-run', ['--probe', 'tcp://x:1', '--dry-run'], /not with --detach or --dry-run/],
  ])('%s: 2, before anybody is asked', async (_what, args, message) => {
    const one = await newStage();
    const { code, out, err } = await run(one, 'redis', '--to', 'node-b', ...args);
    expect(err).toMatch(message);
    expect([code, out]).toEqual([2, '']);
    expect([one.coordinator.migrations.records.length, one.a.calls.includes('PreflightSource')]).toEqual([0, false]);
  });
});
