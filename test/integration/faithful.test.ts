/**
 * Every test program of the lab keeps something that is hard to move, and can tell whether it still has it. Each goes
 * to the other node and back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ask, open } from '../lab/index.ts';
import { move, type Placed, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

afterEach(async () => await pods.remove());

/** What it says of itself, twice: what has been handed over as it stood says little of whether it still moves. */
async function answers(pod: Placed): Promise<string[]> {
  return [await ask(lab, pod.ip), await ask(lab, pod.ip)];
}

/** It listens when it has made what it keeps. */
async function firstAnswer(pod: Placed): Promise<string> {
  return await vi.waitFor(async () => await ask(lab, pod.ip), { timeout: 20_000, interval: 50 });
}

describe.each(['stream', 'nfs'] as const)('over %s, there and back', (transport) => {
  it('a counter goes on from where it was', async () => {
    let pod = await pods.run({ name: 'counter', image: 'counter' });
    await expect.poll(async () => Number(await ask(lab, pod.ip))).toBeGreaterThan(5);
    for (const _ of ['there', 'back']) {
      const began = performance.now();
      const before = Number(await ask(lab, pod.ip));
      pod = await move(lab, pod, { transport });
      const after = Number(await ask(lab, pod.ip));
      expect(after).toBeGreaterThanOrEqual(before);
      // ten a second, however long all of that took: it has not been counting on its own at both ends, either
      expect(after - before).toBeLessThan((performance.now() - began) / 100 + 2);
      await sleep(300);
      expect(Number(await ask(lab, pod.ip))).toBeGreaterThan(after);
    }
  });

  it('files keep what was written to them, deleted, renamed or linked while open', async () => {
    let pod = await pods.run({ name: 'files', image: 'files' });
    // Until all of its mapped pages are dirty: from then on, nothing tells of changes to them.
    await vi.waitFor(async () => expect(Number(/\d+/.exec(await ask(lab, pod.ip))?.[0])).toBeGreaterThan(8), 5_000);
    let records = 0;
    for (const _ of ['there', 'back']) {
      pod = await move(lab, pod, { transport });
      for (const answer of await answers(pod)) {
        expect(answer).toMatch(/^ok \d+ records$/);
        const now = Number(/\d+/.exec(answer)?.[0]);
        expect(now).toBeGreaterThanOrEqual(records);
        records = now;
      }
    }
    expect(records).toBeGreaterThan(0);
  });

  it('memory file systems keep their files, owners, modes and mappings', async () => {
    let pod = await pods.run({ name: 'shm', image: 'shm' });
    await firstAnswer(pod);
    for (const _ of ['there', 'back']) {
      pod = await move(lab, pod, { transport });
      for (const answer of await answers(pod)) expect(answer).toMatch(/^ok \d+ ticks$/);
    }
  });
});

it('a process tree keeps its threads, pipes, sockets, timers, signals and users', async () => {
  let pod = await pods.run({ name: 'tree', image: 'tree' });
  await firstAnswer(pod);
  for (const _ of ['there', 'back', 'there again']) {
    pod = await move(lab, pod);
    for (const answer of await answers(pod)) expect(answer).toMatch(/^ok token/);
  }
});

it('300 MB of memory are the same, word for word', async () => {
  let pod = await pods.run({ name: 'memory', image: 'memory' });
  const before = await firstAnswer(pod);
  expect(before).toMatch(/^ok 76800 pages, 0 rewritten, checksum [0-9a-f]{16}$/);
  for (const _ of ['there', 'back']) {
    pod = await move(lab, pod);
    expect(await ask(lab, pod.ip)).toBe(before);
  }
});

it.each(['stream', 'nfs'] as const)(
  'memory that is rewritten all the time is consistent, over %s',
  async (transport) => {
    let pod = await pods.run({ name: 'dirty', image: 'memory', env: { MB: '48', DIRTY_MB_PER_S: '200' } });
    await firstAnswer(pod);
    let rewritten = 0;
    for (const _ of ['there', 'back']) {
      pod = await move(lab, pod, { transport });
      const [, pages, count] = /^ok (\d+) pages, (\d+) rewritten/.exec(await ask(lab, pod.ip)) ?? [];
      expect(pages).toBe('12288');
      expect(Number(count)).toBeGreaterThan(rewritten);
      rewritten = Number(count);
    }
  },
);
