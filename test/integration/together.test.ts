/** Several at a time: pods that cross each other's way, and the containers of one pod. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { ask, clientFlags, clientIdentity, open } from '../lab/index.ts';
import { contentOf, fillRedis } from '../workloads/redis.ts';
import { execIn, move, type Placed, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

afterEach(async () => await pods.remove());

it('two pods change places', async () => {
  let counter: Placed = await pods.run({ name: 'counter', image: 'counter' }, 'node-a');
  let redis: Placed = await pods.run({ name: 'redis', image: 'redis' }, 'node-b');
  const data = await fillRedis(lab, redis.ip, 3);
  await expect.poll(async () => Number(await ask(lab, counter.ip)), { timeout: 5_000 }).toBeGreaterThan(5);
  for (const transport of ['stream', 'nfs'] as const) {
    const before = Number(await ask(lab, counter.ip));
    const both = await Promise.all([move(lab, counter, { transport }), move(lab, redis, { transport })]);
    [counter, redis] = both;
    // They were on their way at the same time, or this shows nothing.
    const [began, ended] = [
      both.map(({ migration }) => Date.parse(migration.createdAt)),
      both.map(({ migration }) => Date.parse(migration.createdAt) + migration.totalMs),
    ];
    expect(Math.max(...began)).toBeLessThan(Math.min(...ended));
    expect(Number(await ask(lab, counter.ip))).toBeGreaterThanOrEqual(before);
    expect(await contentOf(lab, redis.ip)).toEqual(data);
  }
});

it('four pods leave their node at once', async () => {
  const names = ['one', 'two', 'three', 'four'];
  const running = await Promise.all(names.map(async (name) => await pods.run({ name, image: 'shm' })));
  const moved = await Promise.all(running.map(async (pod) => await move(lab, pod)));
  for (const { ip } of moved) expect(await ask(lab, ip)).toMatch(/^ok/);
});

it('a node is emptied by one command, but for what cannot leave it', async () => {
  const cli = join(import.meta.dirname, '../../coordinator/cli/kubectl-migrate.ts');
  const empty = async (node: string) => {
    const words = [`node/${node}`, '--linger', '0s', '-o', 'json', ...clientFlags(lab, clientIdentity)];
    const { code, stdout, stderr } = await lab.exec('control', [process.execPath, cli, ...words]);
    return { code, stderr, ...(JSON.parse(stdout) as { pods: { pod: string; result: string }[] }) };
  };
  for (const image of ['shm', 'files']) await pods.run({ name: image, image });
  await pods.run({ name: 'shell', image: 'counter', tty: true });
  const there = await empty('node-a');
  expect(there, there.stderr).toMatchObject({
    code: 1,
    moved: 2,
    stayed: 1,
    pods: [
      { pod: 'files', target: 'node-b', result: 'Succeeded' },
      { pod: 'shell', result: 'Refused', findings: [{ reason: 'TerminalAttached' }] },
      { pod: 'shm', target: 'node-b', result: 'Succeeded' },
    ],
  });
  // No node of containerd's alone is filled by anybody else.
  expect(there.stderr).toBe('');
  const back = await empty('node-b');
  expect(back).toMatchObject({ code: 0, moved: 2, pods: [{ pod: 'files' }, { pod: 'shm' }] });
});

it('a pod’s containers are all frozen before one is dumped, and still have one another afterwards', async () => {
  const writer =
    'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/new; mv /dev/shm/new /dev/shm/shared; sleep 0.02; done';
  const pod = await pods.run({
    name: 'pair',
    image: 'counter',
    beside: [
      { name: 'redis', image: 'redis' },
      { name: 'writer', image: 'counter', command: ['/bin/sh', '-c', writer] },
    ],
  });
  const data = await fillRedis(lab, pod.ip, 1);
  const shared = async (of: Placed) => Number(await execIn(lab, of, ['cat', '/dev/shm/shared']));
  const before = { counter: Number(await ask(lab, pod.ip)), shared: await shared(pod) };

  const moving = move(lab, pod);
  const begun = await dumpsBegun(pod, moving);
  const moved = await moving;
  const { frozen = Number.NaN, dumped = Number.NaN } = moved.migration.moments;
  expect(Object.keys(begun).sort()).toEqual(['pair', 'redis', 'writer']);
  // A file's time is that of the clock's last tick.
  expect(Math.min(...Object.values(begun))).toBeGreaterThan(frozen - 4);
  expect(Math.max(...Object.values(begun))).toBeLessThan(dumped);

  expect(Object.keys(moved.containers).sort()).toEqual(['pair', 'redis', 'writer']);
  expect(Number(await ask(lab, moved.ip))).toBeGreaterThanOrEqual(before.counter);
  expect(await contentOf(lab, moved.ip)).toEqual(data);
  const now = await shared(moved);
  expect(now).toBeGreaterThanOrEqual(before.shared);
  await expect.poll(async () => await shared(moved)).toBeGreaterThan(now);
  // By the address that they share.
  const redis = { ...moved, ...moved.containers['redis'] };
  expect(Number(await execIn(lab, redis, ['nc', '127.0.0.1', '8080']))).toBeGreaterThan(before.counter);
});

/** When the image of each container's first process was begun. */
async function dumpsBegun(pod: Placed, moving: Promise<unknown>): Promise<Record<string, number>> {
  const begun: Record<string, number> = {};
  const sources = join(lab.node(pod.node).root, 'run/podferry/source');
  const over = new AbortController();
  void moving.catch(() => {}).then(() => over.abort());
  while (!over.signal.aborted && Object.keys(begun).length < Object.keys(pod.containers).length) {
    for (const id of existsSync(sources) ? readdirSync(sources) : []) {
      for (const name of Object.keys(pod.containers)) {
        const image = statSync(join(sources, id, 'containers', name, 'images/core-1.img'), { throwIfNoEntry: false });
        if (image !== undefined) begun[name] ??= image.birthtimeMs;
      }
    }
    await sleep(2);
  }
  return begun;
}
