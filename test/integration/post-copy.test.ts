/** The pod runs at the target while its memory comes: nothing is lost on the way, and what happens when it stops coming. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { exitCode } from '../../coordinator/cli/exit.ts';
import { memoryPatienceMs } from '../../proto/memory.ts';
import { lookAtPod, type NodeName, open } from '../lab/index.ts';
import { contentOf, fillRedis, type RedisContent, RunningWriter } from '../workloads/redis.ts';
import { Attempt, journals, type Route } from './attempt.ts';
import { expectSucceeded } from './expect-ended.ts';
import { changesSince, inventoryOf } from './inventory.ts';
import { execIn, migrate, type Migrated, move, type Placed, Pods } from './migrate.ts';
import { Part, repair } from './outage.ts';
import { Witness } from './witness.ts';

const lab = open();
const pods = new Pods(lab);
const route: Route = { source: 'node-a', target: 'node-b' };
const flags = ['--strategy', 'post-copy'];
const mb = 200;
/** Keys of the writer. */
const written = 'w:';

afterEach(async () => {
  await repair(lab);
  await pods.remove();
});

/** Random data, which pages of zeros are not; and so much of zeros that the rest takes a while. */
async function runLarge(randomMb: number, zerosMb: number): Promise<{ pod: Placed; data: RedisContent }> {
  const pod = await pods.run({ name: 'redis', image: 'redis' });
  await execIn(lab, pod, ['redis-cli', 'debug', 'populate', String(zerosMb * 16), 'zeros', String(64 << 10)]);
  await fillRedis(lab, pod.ip, randomMb);
  return { pod, data: await contentOf(lab, pod.ip, written) };
}

/** Resolves when it runs at the target, which has not got all of its memory yet. */
async function memoryIsComing(attempt: Attempt): Promise<string> {
  await attempt.appears('target', 'containers/redis/running');
  return await attempt.id();
}

/** What its source has written down of the memory that it owes. */
function owedBy(node: NodeName, id: string): string {
  const record = JSON.parse(readFileSync(join(journals(lab, node, 'source'), id, 'record.json'), 'utf8')) as {
    details: { pages: { state: string } };
  };
  return record.details.pages.state;
}

async function whereItIs({ migration }: Migrated): Promise<Placed> {
  const { targetSandboxId = '' } = migration ?? {};
  return { name: 'redis', node: route.target, ...(await lookAtPod(lab, route.target, targetSandboxId)) };
}

it(`moves ${mb} MB there and back under a writer, and leaves nothing behind`, async () => {
  const { pod: first, data } = await runLarge(mb, 0);
  let pod = first;
  const fork = async () => await execIn(lab, pod, ['redis-cli', 'bgrewriteaof']);
  for (let there = 0; there < 2; there += 1) {
    pod = await move(lab, pod, { flags });
    await fork();
  }
  const forks = async () =>
    /aof_rewrite_in_progress:[^\r]*/.exec(await execIn(lab, pod, ['redis-cli', 'info', 'persistence']))?.[0];
  const settles = async () =>
    await expect.poll(forks, { timeout: 60_000, interval: 200 }).toBe('aof_rewrite_in_progress:0');
  await settles();
  const before = await inventoryOf(lab, { strict: true });
  const witness = new Witness(lab, 'redis-server');
  const writer = await RunningWriter.start(lab, pod.ip, { timeoutMs: 100 });
  for (let there = 0; there < 2; there += 1) {
    const moved = await move(lab, pod, { flags });
    writer.goTo(moved.ip);
    const { moments } = moved.migration;
    expect(moments['running']).toBeLessThan(moments['memory-here'] ?? 0);
    expect(moments['memory-here']).toBeLessThan(moments['killed'] ?? 0);
    pod = moved;
    // A fork while memory is missing, or soon after it has come.
    await fork();
  }
  expect(await writer.finish()).toMatchObject({ lost: 0 });
  expect(await contentOf(lab, pod.ip, written)).toEqual(data);
  expect(await execIn(lab, pod, ['redis-cli', 'debug', 'loadaof'])).toBe('OK\n');
  expect(witness.doubles).toEqual([]);
  witness.close();
  await settles();
  expect(await changesSince(lab, before, { strict: true })).toEqual({});
});

it.each(['source', 'target'] as const)('goes on when the agent of its %s is killed meanwhile', async (side) => {
  const { data } = await runLarge(10, 2 * mb);
  const part = await Part.agent(lab, route[side]);
  const attempt = Attempt.start(lab, 'redis', route, ...flags);
  const id = await memoryIsComing(attempt);
  part.kill();
  expect(owedBy(route.source, id)).toBe('owed');
  await part.startAgain();
  const ended = await attempt.ended;
  expectSucceeded(ended);
  const moved = await whereItIs(ended);
  expect(await contentOf(lab, moved.ip, written)).toEqual(data);
});

it('goes on when the link is lost meanwhile, and comes back', async () => {
  const { data } = await runLarge(10, 2 * mb);
  const attempt = Attempt.start(lab, 'redis', route, ...flags);
  const id = await memoryIsComing(attempt);
  await lab.unplug(route.source);
  await sleep(8_000);
  expect(owedBy(route.source, id)).toBe('owed');
  await lab.plugIn(route.source);
  const ended = await attempt.ended;
  expectSucceeded(ended);
  const moved = await whereItIs(ended);
  expect(await contentOf(lab, moved.ip, written)).toEqual(data);
});

it('ends the pod at the target when its memory does not come, and never lets the source run again', async () => {
  await runLarge(10, 2 * mb);
  const before = await inventoryOf(lab);
  const attempt = Attempt.start(lab, 'redis', route, ...flags);
  const id = await memoryIsComing(attempt);
  await lab.unplug(route.source);
  const witness = new Witness(lab, 'redis-server');
  await expect.poll(() => redisAt(route.target), { timeout: memoryPatienceMs + 15_000, interval: 200 }).toBe(0);
  expect(owedBy(route.source, id)).toBe('owed');
  expect(redisAt(route.source)).toBeGreaterThan(0);
  await lab.plugIn(route.source);
  const { code, migration, stderr } = await attempt.ended;
  expect(migration, stderr).toMatchObject({ phase: 'Failed', reason: 'MemoryLost', committed: true });
  expect(migration?.message).toContain('its memory is lost');
  expect(code).toBe(exitCode.failed);
  expect(redisAt(route.source)).toBe(0);
  expect(witness.doubles).toEqual([]);
  witness.close();
  await pods.remove();
  expect(Object.keys(await changesSince(lab, before, { nodes: [route.target] }))).toEqual([]);
});

it('is refused over nfs, where nobody can be asked', async () => {
  await pods.run({ name: 'counter', image: 'counter' });
  const { code, stderr } = await migrate(lab, 'counter', 'node-b', { transport: 'nfs', flags });
  expect(code).toBe(exitCode.refused);
  expect(stderr).toContain('StrategyUnavailable');
  expect(stderr).toContain('post-copy needs transport stream');
});

/** Processes of it, whatever they do. */
function redisAt(node: NodeName): number {
  const proc = join(lab.node(node).root, 'proc');
  return readdirSync(proc).filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(join(proc, pid, 'comm'), 'utf8') === 'redis-server\n';
    } catch {
      return false;
    }
  }).length;
}
