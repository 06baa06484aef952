/** The same Redis, again and again from one node to the other, while a client never stops writing. */
import { afterEach, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { contentOf, fillRedis, RunningWriter } from '../workloads/redis.ts';
import { changesSince, inventoryOf } from './inventory.ts';
import { execIn, move, type Placed, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

afterEach(async () => await pods.remove());

const transports = ['stream', 'nfs'] as const;
const moves = 10;

it(`${moves} times: no acknowledged write is lost, and both nodes are as they were`, async () => {
  let pod: Placed = await pods.run({ name: 'redis', image: 'redis' });
  const data = await fillRedis(lab, pod.ip, 2);
  // Once there and back by each: what the first of a kind leaves for good is no leak.
  for (const transport of [...transports, ...transports].sort()) pod = await move(lab, pod, { transport });
  const before = await inventoryOf(lab, { strict: true });
  // An address that a pod has left answers nobody; the next try has to come while the pod is still at the next one.
  const writer = await RunningWriter.start(lab, pod.ip, { timeoutMs: 100 });
  const runId = async () => /run_id:\w+/.exec(await execIn(lab, pod, ['redis-cli', 'info', 'server']))?.[0];
  const id = await runId();
  expect(id).toBeDefined();
  for (let at = 0; at < moves; at += 1) {
    const moved = await move(lab, pod, { transport: transports[at % 4 < 2 ? 0 : 1] });
    writer.goTo(moved.ip);
    pod = moved;
  }
  const { acked, lost } = await writer.finish();
  expect(acked).toBeGreaterThan(moves * 20);
  expect(lost).toBe(0);
  expect(await runId()).toBe(id);
  expect(await contentOf(lab, pod.ip, 'w:')).toEqual(data);
  // What is on disk is what was acknowledged, too: Redis reads it again.
  expect(await execIn(lab, pod, ['redis-cli', 'debug', 'loadaof'])).toBe('OK\n');
  expect(await contentOf(lab, pod.ip, 'w:')).toEqual(data);
  expect(await changesSince(lab, before, { strict: true })).toEqual({});
});
