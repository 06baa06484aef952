/** What measures migrations is measured itself: the writer against a Redis that loses, hangs, resets and goes away. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { WriterSummary } from '../workloads/redis-writer.ts';
import { FakeRedis } from './fake-redis.ts';

const script = join(import.meta.dirname, '../workloads/redis-writer.ts');
const host = '127.0.0.1';

let redis: FakeRedis;
let port: number;

beforeEach(async () => {
  redis = new FakeRedis();
  port = await redis.listen(host);
});

afterEach(async () => {
  await redis.stop();
});

interface Finished extends WriterSummary {
  code: number;
}

async function start(...flags: string[]): Promise<{ child: ChildProcess; finish: () => Promise<Finished> }> {
  const child = spawn(process.execPath, [script, host, '--port', `${port}`, ...flags], { stdio: 'pipe' });
  const printed = text(child.stdout);
  await once(child.stdout, 'data');
  return {
    child,
    async finish() {
      child.stdin.end();
      const [code] = (await once(child, 'exit')) as [number];
      return { ...(JSON.parse((await printed).trim().split('\n').at(-1) ?? '') as WriterSummary), code };
    },
  };
}

it('reads back what was acknowledged', async () => {
  const { finish } = await start();
  await sleep(200);
  const summary = await finish();
  expect(summary).toMatchObject({ mode: 'each', lost: 0, retries: 0, code: 0 });
  expect(summary.acked).toBe(redis.data.size);
  expect(summary.acked).toBeGreaterThan(10);
});

it('finds an acknowledged write that is not there, or not the same', async () => {
  const { finish } = await start();
  await sleep(100);
  redis.data.delete('w:0');
  redis.data.set('w:1', 'something else');
  expect(await finish()).toMatchObject({ lost: 2, code: 1 });
});

it('does not wait for an answer for ever, and counts the silence as a gap', async () => {
  const { finish } = await start('--timeout', '100');
  redis.fault = 'silent';
  await sleep(350);
  redis.fault = 'none';
  await sleep(200);
  const summary = await finish();
  expect(summary).toMatchObject({ lost: 0, code: 0 });
  expect(summary.timeouts).toBeGreaterThanOrEqual(3);
  expect(summary.maxGapMs).toBeGreaterThan(340);
});

it('counts a silence that lasts to the end', async () => {
  const { finish } = await start('--timeout', '400');
  redis.fault = 'silent';
  // Told to stop between two writes, it would go on to read them back, and meet the silence there.
  await vi.waitFor(() => expect(redis.unanswered).toBe(1), { interval: 5 });
  const ending = finish();
  await sleep(300);
  redis.fault = 'none';
  expect((await ending).maxGapMs).toBeGreaterThan(390);
});

it('is refused while nobody listens, and goes on when somebody does', async () => {
  const { finish } = await start();
  await redis.stop();
  await sleep(200);
  await redis.listen(host, port);
  await sleep(100);
  const summary = await finish();
  expect(summary.refused).toBeGreaterThan(5);
  expect(summary).toMatchObject({ lost: 0, code: 0 });
});

it.each(['reset', 'close'] as const)('sees the %s of a connection that it keeps, and connects again', async (fault) => {
  const { finish } = await start('--mode', 'keep');
  await sleep(50);
  redis.fault = fault;
  await sleep(30);
  redis.fault = 'none';
  await sleep(50);
  const summary = await finish();
  const kind = fault === 'reset' ? 'reset' : 'closed';
  expect(summary).toMatchObject({ mode: 'keep', lost: 0, timeouts: 0 });
  expect(summary.breaks.length).toBeGreaterThan(0);
  expect(new Set(summary.breaks.map((each) => each.kind))).toEqual(new Set([kind]));
  expect(Math.max(...summary.breaks.map(({ waitedMs }) => waitedMs))).toBeLessThan(100);
});

it('goes where it is told to', async () => {
  const other = new FakeRedis();
  await other.listen('127.0.0.2', port);
  try {
    const { child, finish } = await start('--mode', 'keep');
    // As a migration would have brought them there.
    child.stdin?.write('127.0.0.2\n');
    await sleep(200);
    for (const [key, value] of redis.data) other.data.set(key, value);
    const summary = await finish();
    expect(summary).toMatchObject({ lost: 0, code: 0 });
    expect(other.data.size).toBeGreaterThan(redis.data.size);
  } finally {
    await other.stop();
  }
});
