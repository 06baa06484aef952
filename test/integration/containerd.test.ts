/**
 * The agent's view of a real containerd: what it says of a pod is what is there, and a copy of a pod's configs makes
 * the same pod on another node.
 */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../../agent/runtime/containerd.ts';
import type { ContainerConfig, ContainerRuntime, PodConfig } from '../../agent/runtime/runtime.ts';
import { open, type PodSpec, runPod, startContainerd, stopContainerd } from '../lab/index.ts';

// a node's containerd is restarted here: never beside another file that uses the same lab
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const lab = open();
const source = lab.node('node-a');
const target = lab.node('node-b');
const there = connect(source.containerd);
const here = connect(target.containerd);

const made: { runtime: ContainerRuntime; podId: string }[] = [];

afterEach(async () => {
  for (const { runtime, podId } of made.splice(0)) await runtime.removePod(podId);
});

afterAll(() => {
  there.close();
  here.close();
});

/** A pod on the source, of one container named like the pod. */
async function pod(spec: Partial<PodSpec> & { name: string }) {
  const running = await runPod(lab, source.name, { image: 'counter', ...spec });
  made.push({ runtime: there, podId: running.podId });
  return running;
}

/** The same on the target, as an agent does it. */
async function copy(config: PodConfig, container: ContainerConfig) {
  const podId = await here.runPod(config, '');
  made.push({ runtime: here, podId });
  await mkdir(join(target.root, config.log_directory, container.metadata?.name ?? ''), { recursive: true });
  const containerId = await here.createContainer(podId, container, config);
  return { podId, containerId };
}

describe('what containerd says of a pod', () => {
  it('names itself and its handlers', async () => {
    expect(await there.version()).toEqual({ name: 'containerd', version: expect.stringMatching(/^[12]\.\d+\.\d+/) });
    expect(await there.handlers()).toEqual(expect.arrayContaining(['runc', 'podferry']));
  });

  it('finds the pod, its address, its namespace and its process', async () => {
    const labels = { app: 'cart' };
    const { podId, ip } = await pod({ name: 'seen', namespace: 'shop', uid: 'uid-1', labels, handler: 'runc' });
    const facts = { id: podId, name: 'seen', namespace: 'shop', uid: 'uid-1', attempt: 0, state: 'ready' };
    expect(await there.listPods()).toContainEqual(expect.objectContaining({ ...facts, runtimeHandler: 'runc' }));

    const status = await there.podStatus(podId);
    expect(status).toMatchObject({
      ...facts,
      ip,
      labels,
      config: { hostname: 'seen', metadata: { namespace: 'shop' } },
    });
    expect(Math.abs(Date.now() - status.createdAt.getTime())).toBeLessThan(60_000);
    // asked inside the node: seen from outside, its link from /var/run to /run would lead into our own /run
    const seen = await lab.run(source.name, ['stat', '--format=%i', status.netnsPath ?? '', '--dereference']);
    expect(readlinkSync(join(source.root, `proc/${status.pid}/ns/net`))).toBe(`net:[${seen.trim()}]`);
    expect(readFileSync(join(source.root, `proc/${status.pid}/comm`), 'utf8')).toMatch(/pause/);
  });

  it("finds the container, its log, its root's changes and its processes", async () => {
    const { podId, containerId } = await pod({ name: 'seen', env: { GREETING: 'grüß dich' } });
    expect(await there.listContainers(podId)).toMatchObject([
      { id: containerId, podId, name: 'seen', state: 'running' },
    ]);

    const status = await there.containerStatus(containerId);
    expect(status).toMatchObject({ podId, name: 'seen', state: 'running', exitCode: 0, finishedAt: undefined });
    expect(status.config.envs).toEqual([{ key: 'GREETING', value: Buffer.from('grüß dich').toString('base64') }]);
    expect(status.spec.process?.env).toContain('GREETING=grüß dich');
    expect(status.snapshotter).toBe('overlayfs');
    expect(existsSync(join(source.root, status.logPath))).toBe(true);

    const process = join(source.root, `proc/${status.pid}`);
    await writeFile(join(process, 'root/changed'), 'yes');
    const { upperDir, workDir, lowerDirs } = await there.rootfsMount(containerId);
    expect(readFileSync(join(source.root, upperDir, 'changed'), 'utf8')).toBe('yes');
    for (const directory of [workDir, ...lowerDirs]) expect(existsSync(join(source.root, directory))).toBe(true);

    expect(await there.task(containerId)).toMatchObject({ containerId, pid: status.pid, state: 'running' });
    expect(await there.processes(containerId)).toContain(status.pid);
    const { pid } = await there.podStatus(podId);
    expect(readlinkSync(join(process, 'ns/net'))).toBe(readlinkSync(join(source.root, `proc/${pid}/ns/net`)));
  });

  it("has no namespace or address of its own for a pod on the host's network", async () => {
    const { podId } = await pod({ name: 'host', hostNetwork: true });
    expect(await there.podStatus(podId)).toMatchObject({ netnsPath: undefined, ip: undefined });
  });

  it('tells a frozen container and the end of one', async () => {
    const { containerId } = await pod({ name: 'ended' });
    await there.pauseTask(containerId);
    expect(await there.task(containerId)).toMatchObject({ state: 'paused' });
    expect(await there.containerStatus(containerId)).toMatchObject({ state: 'running' });
    await there.resumeTask(containerId);
    expect(await there.task(containerId)).toMatchObject({ state: 'running' });

    await there.killTask(containerId, 9, true);
    await expect.poll(async () => (await there.containerStatus(containerId)).state).toBe('exited');
    const status = await there.containerStatus(containerId);
    expect(status).toMatchObject({ exitCode: 137, pid: undefined, finishedAt: expect.any(Date) });
    await expect.poll(() => there.task(containerId)).toBeUndefined();
    await there.deleteTask(containerId);
  });

  it('tells images that are there from others', async () => {
    const image = await there.image('podferry.dev/counter:lab');
    expect(image).toMatchObject({ id: expect.stringMatching(/^sha256:/), tags: ['podferry.dev/counter:lab'] });
    expect(image?.bytes).toBeGreaterThan(1000);
    expect(await there.image(image?.id ?? '')).toEqual(image);
    expect(await there.listImages()).toContainEqual(image);
    expect(await there.image('podferry.dev/none:lab')).toBeUndefined();
  });
});

describe('a copy of a pod', () => {
  it('has the same configs, runs, and leaves nothing', async () => {
    const before = await here.listPods();
    const mounts = [
      { container_path: '/mnt', host_path: '/srv', readonly: true, propagation: 'PROPAGATION_PRIVATE' },
    ] as const;
    const { podId, containerId } = await pod({
      name: 'copied',
      env: { A: 'b=c', EMPTY: '' },
      annotations: { 'podferry.dev/note': 'kept' },
      mounts,
      securityContext: { run_as_user: { value: 0 }, supplemental_groups: [7], readonly_rootfs: true },
    });
    const from = { pod: await there.podStatus(podId), container: await there.containerStatus(containerId) };
    // between two agents the configs travel as JSON
    const sent = JSON.parse(JSON.stringify([from.pod.config, from.container.config])) as [PodConfig, ContainerConfig];

    const to = await copy(...sent);
    expect((await here.containerStatus(to.containerId)).state).toBe('created');
    expect(await here.task(to.containerId)).toBeUndefined();
    await here.startContainer(to.containerId, 30_000);
    const running = await here.containerStatus(to.containerId);
    expect(running).toMatchObject({ state: 'running', config: from.container.config });
    expect((await here.podStatus(to.podId)).config).toEqual(from.pod.config);
    expect(running.spec.process).toEqual(from.container.spec.process);
    expect(running.spec.mounts?.map(({ destination }) => destination)).toEqual(
      from.container.spec.mounts?.map(({ destination }) => destination),
    );

    await here.stopContainer(to.containerId, 0);
    await here.removeContainer(to.containerId);
    await here.stopPod(to.podId);
    expect(await here.podStatus(to.podId)).toMatchObject({ state: 'not-ready', pid: undefined, netnsPath: undefined });
    await here.removePod(to.podId);
    expect(await here.listPods()).toEqual(before);
    expect(await here.listContainers(to.podId)).toEqual([]);
  });

  it('can be taken away twice', async () => {
    const { podId, containerId } = await pod({ name: 'twice' });
    for (const _ of [1, 2]) {
      await there.stopContainer(containerId, 0);
      await there.removeContainer(containerId);
      await there.stopPod(podId);
      await there.removePod(podId);
    }
    await expect(there.podStatus(podId)).rejects.toMatchObject({ code: 'NOT_FOUND', subject: podId });
    await expect(there.containerStatus(containerId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(there.rootfsMount(containerId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a refusal', () => {
  it('names the pod and what helps: unknown handler', async () => {
    const { podId } = await pod({ name: 'refused' });
    const { config } = await there.podStatus(podId);
    const refusal = await here.runPod(config, 'no-such-handler').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ operation: 'RunPodSandbox', subject: 'default/refused' });
    expect(refusal).toMatchObject({ hint: expect.stringContaining('install it') });
  });

  it('names the pod and what helps: name taken', async () => {
    const { podId } = await pod({ name: 'taken' });
    const { config } = await there.podStatus(podId);
    await expect(there.runPod(config, '')).rejects.toThrow(/default\/taken.*remove it first/);
  });

  it('names the container: image missing', async () => {
    const { podId, containerId } = await pod({ name: 'imageless' });
    const { config } = await there.podStatus(podId);
    const container = (await there.containerStatus(containerId)).config;
    const image = { annotations: {}, user_specified_image: '', runtime_handler: '', image_ref: '' };
    const other = {
      ...container,
      metadata: { name: 'other', attempt: 0 },
      image: { ...image, image: 'podferry.dev/none:lab' },
    };
    await expect(there.createContainer(podId, other, config)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      operation: 'CreateContainer',
      subject: 'default/imageless/other',
    });
  });
});

it('finds containerd again after a restart, and the pods with it', async () => {
  const { podId, pid } = await pod({ name: 'survivor' });
  await stopContainerd(lab, source.name, 'SIGKILL');
  const during = there.listPods();
  await startContainerd(lab, source.name);
  expect((await during).map(({ id }) => id)).toContain(podId);
  const [container] = await there.listContainers(podId);
  expect(await there.containerStatus(container?.id ?? '')).toMatchObject({ state: 'running', pid });
});
