/** To those who look after it, what has arrived is an ordinary container: it logs, answers, is stopped, ends, begins anew. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ContainerConfig } from '../../proto/gen/runtime/v1/ContainerConfig.ts';
import type { PodSandboxConfig } from '../../proto/gen/runtime/v1/PodSandboxConfig.ts';
import { ask, lookAtPod, open, type RunningPod } from '../lab/index.ts';
import { logOf } from './log.ts';
import { execIn, move, type Placed, Pods, withCri } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

afterEach(async () => await pods.remove());

it('its log goes on in the target’s file, and no line is lost, doubled or cut', async () => {
  // As fast as a pipe takes it: at the freeze there is something in it.
  const script = 'i=0; while :; do i=$((i+1)); echo line $i; [ $((i%50)) = 0 ] && echo part $i >&2; done';
  const pod = await pods.run({ name: 'logger', image: 'counter', command: ['/bin/sh', '-c', script] });
  await expect.poll(() => logOf(lab, pod).length).toBeGreaterThan(1_000);
  // Both files are needed whole: the source's pod is gone afterwards, its log is not.
  const moved = await move(lab, pod);
  await expect.poll(() => logOf(lab, moved).length).toBeGreaterThan(1_000);
  await withCri(
    lab,
    moved.node,
    async (cri) => await cri.stopContainer({ container_id: moved.containerId, timeout: '0' }),
  );
  const [there, here] = [logOf(lab, pod), logOf(lab, moved)];
  expect(here[0]?.unixMs).toBeGreaterThan(there.at(-1)?.unixMs ?? Number.NaN);
  const numbers = (stream: string) =>
    [...there, ...here]
      .filter((line) => line.stream === stream)
      .map(({ text }) => Number(/^(?:line|part) (\d+)$/.exec(text)?.[1]));
  const lines = numbers('stdout');
  expect(lines).toEqual(lines.map((_, at) => at + 1));
  const parts = numbers('stderr');
  expect(parts).toEqual(parts.map((_, at) => (at + 1) * 50));
});

it('it is running, by the runtime’s account, with the pid that it has, and programs can be run in it', async () => {
  const pod = await pods.run({ name: 'counter', image: 'counter', env: { GREETING: 'hello' } });
  const moved = await move(lab, pod);
  const { status, info } = await withCri(
    lab,
    moved.node,
    async (cri) => await cri.containerStatus({ container_id: moved.containerId, verbose: true }),
  );
  expect(status).toMatchObject({ state: 'CONTAINER_RUNNING', exit_code: 0, reason: '', metadata: { name: 'counter' } });
  expect(Number(status?.started_at)).toBeGreaterThan(Number(status?.created_at));
  const { pid } = JSON.parse(info['info'] ?? '{}') as { pid: number };
  const process = join(lab.node(moved.node).root, `proc/${pid}`);
  expect(readFileSync(join(process, 'comm'), 'utf8')).toBe('counter\n');
  expect(readFileSync(join(process, 'status'), 'utf8')).toMatch(/^NSpid:\t.*\t1$/m);
  expect(await execIn(lab, moved, ['sh', '-c', 'echo $GREETING; pidof counter; cat /proc/1/comm; pwd; hostname'])).toBe(
    'hello\n1\ncounter\n/data\ncounter\n',
  );
  const state = await lab.run(moved.node, [
    'runc',
    '--root',
    '/run/containerd/runc/k8s.io',
    'state',
    moved.containerId,
  ]);
  expect(JSON.parse(state)).toMatchObject({ status: 'running', pid });
});

describe('it is stopped', () => {
  it('by SIGTERM, which it handles as it did before', async () => {
    const script = "trap 'echo ending; exit 7' TERM; while :; do sleep 0.1; done";
    const pod = await pods.run({ name: 'tidy', image: 'counter', command: ['/bin/sh', '-c', script] });
    const moved = await move(lab, pod);
    expect(await stop(moved, '30')).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 7 });
    expect(logOf(lab, moved).map(({ text }) => text)).toEqual(['ending']);
  });

  it('by SIGKILL when its grace is over', async () => {
    const pod = await pods.run({
      name: 'stubborn',
      image: 'counter',
      command: ['/bin/sh', '-c', "trap '' TERM; sleep 1000"],
    });
    const { ms, ...end } = await stop(await move(lab, pod), '1');
    expect(end).toEqual({ state: 'CONTAINER_EXITED', exitCode: 137 });
    expect(ms).toBeGreaterThan(1_000);
  });
});

describe('when it dies and is created again in its sandbox, it starts cold', () => {
  it('after its migration; and what it keeps then moves like anything', async () => {
    const pod = await pods.run({ name: 'mortal', image: 'counter' });
    await expect.poll(async () => Number(await ask(lab, pod.ip)), { timeout: 5_000 }).toBeGreaterThan(20);
    const moved = await move(lab, pod);
    const cold = await recreate(await kill(moved));
    const count = Number(await ask(lab, cold.ip));
    expect(count).toBeLessThan(10);
    const back = await move(lab, cold);
    expect(back.ip).not.toBe(cold.ip);
    expect(Number(await ask(lab, back.ip))).toBeGreaterThanOrEqual(count);
  });

  it('also while its source still forwards', async () => {
    const pod = await pods.run({ name: 'mortal', image: 'counter' });
    await expect.poll(async () => Number(await ask(lab, pod.ip)), { timeout: 5_000 }).toBeGreaterThan(20);
    const moving = move(lab, pod, { linger: '3s' });
    moving.catch(() => {});
    const here = await vi.waitFor(async () => await lookForTarget('mortal'), { timeout: 10_000, interval: 50 });
    const cold = await recreate(await kill({ name: 'mortal', node: 'node-b', ...here }));
    expect(Number(await ask(lab, cold.ip))).toBeLessThan(10);
    // The old address leads to the same pod, whatever has become of it.
    expect(Number(await ask(lab, pod.ip))).toBeLessThan(20);
    expect((await moving).podId).toBe(cold.podId);
    expect(Number(await ask(lab, cold.ip))).toBeGreaterThan(0);
  });
});

async function stop(pod: Placed, timeout: string) {
  const began = performance.now();
  const { containerId: container_id } = pod;
  const { status } = await withCri(lab, pod.node, async (cri) => {
    await cri.stopContainer({ container_id, timeout });
    return await cri.containerStatus({ container_id });
  });
  return { state: status?.state, exitCode: status?.exit_code, ms: performance.now() - began };
}

async function kill(pod: Placed): Promise<Placed> {
  await lab.run(pod.node, ['kill', '-9', String(pod.pid)]);
  return pod;
}

/** As kubelet does it then: the same config, one attempt later. */
async function recreate({ name, node, podId, containerId: container_id }: Placed): Promise<Placed> {
  await withCri(lab, node, async (cri) => {
    const status = async () => (await cri.containerStatus({ container_id })).status;
    await expect.poll(status).toMatchObject({ state: 'CONTAINER_EXITED', exit_code: 137 });
    const sandbox = await cri.podSandboxStatus({ pod_sandbox_id: podId, verbose: true });
    const container = await cri.containerStatus({ container_id, verbose: true });
    const config = configIn<ContainerConfig>(container);
    const metadata = { name, attempt: (config.metadata?.attempt ?? 0) + 1 };
    const created = await cri.createContainer({
      pod_sandbox_id: podId,
      config: { ...config, metadata },
      sandbox_config: configIn<PodSandboxConfig>(sandbox),
    });
    await cri.startContainer(created);
    await cri.removeContainer({ container_id });
  });
  return { name, node, ...(await lookAtPod(lab, node, podId)) };
}

async function lookForTarget(name: string): Promise<RunningPod> {
  const { items } = await withCri(lab, 'node-b', async (cri) => await cri.listPodSandbox({}));
  const pod = await lookAtPod(lab, 'node-b', items.find(({ metadata }) => metadata?.name === name)?.id ?? '');
  if (pod.pid === 0) throw new Error(`${name} does not run yet`);
  return pod;
}

/** What CRI was asked for, as containerd tells it. */
function configIn<T>({ info }: { info: Record<string, string> }): T {
  return (JSON.parse(info['info'] ?? '{}') as { config: T }).config;
}
