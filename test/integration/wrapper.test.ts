/** The runtime wrapper between containerd and runc: invisible unless a migration is awaited, and bounded then. */
import { existsSync } from 'node:fs';
import { mkdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectCri, type NodeName, open } from '../lab/index.ts';
import { execIn, type Placed, Pods, withCri } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);
const node: NodeName = 'node-a';
const wrapper = '/usr/local/lib/podferry/podferry-runc';
const migration = 'mig-wrapper';
const targets = join(lab.node(node).root, 'run/podferry/target');
const leaving = join(lab.node(node).root, 'run/podferry/source', migration);

afterEach(async () => {
  await pods.remove();
  for (const side of [join(targets, migration), leaving]) await rm(side, { recursive: true, force: true });
});

/** What an agent prepares for one container, without an agent: who waits here is the wrapper alone. */
async function expectContainer(name: string, seconds: number): Promise<string> {
  const directory = join(targets, migration);
  const here = join(directory, 'containers', name);
  await mkdir(join(here, 'images'), { recursive: true });
  await writeFile(join(here, 'images/descriptors.json'), '["/dev/null","/dev/null","/dev/null"]');
  await writeFile(join(here, 'external.conf'), 'network-lock skip\n');
  await lab.run('control', ['mkfifo', join(here, 'go'), join(here, 'images/inventory.img')]);
  await writeFile(join(directory, 'pod'), 'default/counter');
  await writeFile(join(directory, 'expected'), String(seconds));
  return here;
}

async function awaited(annotation = migration): Promise<{ pod: Placed; started: Promise<string> }> {
  const annotations = { 'podferry.dev/migration': annotation };
  const pod = await pods.run({ name: 'counter', image: 'counter', annotations, start: false }, node);
  const cri = connectCri(lab.node(node).containerd);
  const started = cri.startContainer({ container_id: pod.containerId }).then(
    () => 'started',
    (error: unknown) => (error as Error).message,
  );
  void started.finally(() => cri.close());
  return { pod, started };
}

/** The same for one whose CRIU waits already. */
async function waiting(here: string): ReturnType<typeof awaited> {
  const both = await awaited();
  await expect.poll(() => existsSync(join(here, 'waiting')), { timeout: 10_000 }).toBe(true);
  return both;
}

/** As an agent tells it. */
async function abort(here: string): Promise<void> {
  await symlink('abort', join(here, '../../decision'));
  await lab.run('control', ['sh', '-c', `echo abort 1<>${join(here, 'go')}`]);
}

const processes = `pgrep -x 'podferry-runc|criu|runc' || pgrep -x -f 'sleep (4|60)'`;

/** Of any wrapper, on the node. */
async function expectNothingLeft(pod: Placed): Promise<void> {
  await expect.poll(async () => (await lab.exec(node, ['sh', '-c', processes])).stdout, { timeout: 3_000 }).toBe('');
  expect((await lab.exec(node, ['grep', pod.containerId, '/proc/self/mountinfo'])).stdout).toBe('');
}

it('passes everything else through, arguments and exit code', async () => {
  const script = 'for word; do printf "<%s>" "$word"; done; exit 7';
  await lab.run(node, ['sh', '-c', 'printf "#!/bin/sh\\n%s\\n" "$1" >/tmp/said && chmod +x /tmp/said', 'sh', script]);
  const words = ['--root', '/a b', 'exec', '--process', '/tmp/x y', '', 'id', '*', '-create'];
  const { code, stdout } = await lab.exec(node, ['env', 'PODFERRY_RUNC=/tmp/said', wrapper, ...words]);
  await lab.run(node, ['rm', '/tmp/said']);
  expect(code).toBe(7);
  expect(stdout).toBe(words.map((word) => `<${word}>`).join(''));
});

it('passes a program in a container through: words, output, exit code, signals', async () => {
  const pod = await pods.run({ name: 'counter', image: 'counter' }, node);
  const words = ['two  words', '', '*', '$HOME', "it's", '-x', 'ü'];
  const script = 'for word; do printf "<%s>" "$word"; done';
  expect(await execIn(lab, pod, ['sh', '-c', script, 'sh', ...words])).toBe(words.map((word) => `<${word}>`).join(''));
  const exec = ['ctr', '-n', 'k8s.io', 'tasks', 'exec', '--exec-id', 'fails', pod.containerId];
  expect((await lab.exec(node, [...exec, 'sh', '-c', 'exit 42'])).code).toBe(42);
  await lab.run(node, ['ctr', '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', pod.containerId]);
  await expect
    .poll(
      async () => (await withCri(lab, node, (cri) => cri.containerStatus({ container_id: pod.containerId }))).status,
    )
    .toMatchObject({ exit_code: 128 + 9 });
});

it('waits inside CRIU without a tick, gives up at its deadline with its reason, and leaves nothing', async () => {
  const here = await expectContainer('counter', 4);
  const began = performance.now();
  const { pod, started } = await waiting(here);
  // what each has used of a processor, and how often it went to sleep
  const ticks = `for p in $(${processes}); do cut -d' ' -f1,14,15 /proc/$p/stat; grep ctxt /proc/$p/status; done`;
  const before = await lab.run(node, ['sh', '-c', ticks]);
  expect(await lab.run(node, ['sh', '-c', `sleep 2; ${ticks}`])).toBe(before);
  expect(before).not.toBe('');
  expect(await started).toMatch(/container counter: nobody gave the go within 4 s/);
  expect(performance.now() - began).toBeLessThan(8_000);
  expect(existsSync(join(here, 'failed'))).toBe(true);
  await expectNothingLeft(pod);
});

it('gives up at once when it is told to', async () => {
  const here = await expectContainer('counter', 60);
  const { pod, started } = await waiting(here);
  const told = performance.now();
  await abort(here);
  expect(await started).toMatch(/it was told to give up/);
  expect(performance.now() - told).toBeLessThan(2_000);
  await expectNothingLeft(pod);
});

it('is told to even before its CRIU waits', async () => {
  const here = await expectContainer('counter', 60);
  await abort(here);
  const { pod, started } = await awaited();
  expect(await started).toMatch(/it was told to give up/);
  await expectNothingLeft(pod);
});

it('refuses a second create of the same checkpoint; the first waits on, and has not failed by that', async () => {
  const here = await expectContainer('counter', 60);
  const first = await waiting(here);
  const second = await awaited();
  expect(await second.started).toMatch(/claimed already/);
  expect(existsSync(join(here, 'failed'))).toBe(false);
  await abort(here);
  expect(await first.started).toMatch(/it was told to give up/);
  const third = await awaited();
  expect(await third.started).toMatch(/claimed already/);
});

it('gives up for good when the runtime has killed it: nothing of it goes on, and a go comes too late', async () => {
  const here = await expectContainer('counter', 60);
  const { pod, started } = await waiting(here);
  await lab.run(node, ['sh', '-c', 'kill -KILL $(pgrep -o -x podferry-runc)']);
  expect(await started).toMatch(/failed to create/);
  await expectNothingLeft(pod);
  expect(await readlink(join(here, '../../decision'))).toBe('abort');
});

it.each(['../../../tmp', 'no-such-migration', 'Mig', ''])('starts a pod that names %j like any other', async (name) => {
  await expectContainer('counter', 60);
  const { pod, started } = await awaited(name);
  expect(await started).toBe('started');
  expect(await execIn(lab, pod, ['true'])).toBe('');
});

it('starts no pod that names a migration of another pod', async () => {
  const here = await expectContainer('counter', 60);
  await writeFile(join(here, '../../pod'), 'default/another');
  const { started } = await awaited();
  expect(await started).toMatch(/it awaits another pod than default\/counter/);
  expect(existsSync(join(here, 'claimed'))).toBe(false);
});

it('starts no container again in a pod that has moved to another node', async () => {
  const pod = await pods.run({ name: 'counter', image: 'counter', start: false }, node);
  await mkdir(leaving, { recursive: true });
  await writeFile(join(leaving, 'sandbox'), pod.podId);
  const cri = connectCri(lab.node(node).containerd);
  try {
    await symlink('commit', join(leaving, 'decision'));
    const start = cri.startContainer({ container_id: pod.containerId });
    await expect(start).rejects.toThrow(/the pod has moved to another node/);
  } finally {
    cri.close();
  }
});

it('starts a container again in a pod whose move was taken back', async () => {
  await mkdir(leaving, { recursive: true });
  const pod = await pods.run({ name: 'counter', image: 'counter', start: false }, node);
  await writeFile(join(leaving, 'sandbox'), pod.podId);
  await symlink('thaw', join(leaving, 'decision'));
  await withCri(lab, node, (cri) => cri.startContainer({ container_id: pod.containerId }));
  expect(await execIn(lab, pod, ['true'])).toBe('');
});

it('starts nothing else in a pod that waits for its memory', async () => {
  await expectContainer('other', 60);
  const { started } = await awaited();
  expect(await started).toMatch(/container counter: it has no part in this migration/);
});

it('after a restore that ran, the same container starts cold, never from old memory again', async () => {
  const here = await expectContainer('counter', 60);
  await mkdir(join(here, 'claimed'));
  await writeFile(join(here, 'running'), '');
  const { pod, started } = await awaited();
  expect(await started).toBe('started');
  expect(await execIn(lab, pod, ['true'])).toBe('');
});

describe('a container that is held', () => {
  const held = join(lab.node(node).root, 'run/podferry/held');
  const secondsUp = async () => Number((await lab.run(node, ['cut', '-d.', '-f1', '/proc/uptime'])).trim());

  async function holdFor(seconds: number): Promise<Placed> {
    const pod = await pods.run({ name: 'counter', image: 'counter' }, node);
    await mkdir(held, { recursive: true });
    await writeFile(join(held, pod.containerId), String((await secondsUp()) + seconds));
    return pod;
  }

  const signal = async (pod: Placed, name: string) =>
    await lab.exec(node, ['ctr', '-n', 'k8s.io', 'tasks', 'kill', '-s', name, pod.containerId]);
  const stateOf = async (pod: Placed) =>
    (await withCri(lab, node, (cri) => cri.containerStatus({ container_id: pod.containerId }))).status?.state;

  afterEach(async () => await rm(held, { recursive: true, force: true }));

  it('hears no signal, whose sender is told that all went well, and runs on', async () => {
    const pod = await holdFor(60);
    for (const name of ['SIGTERM', 'SIGKILL']) expect(await signal(pod, name)).toMatchObject({ code: 0 });
    expect((await execIn(lab, pod, ['echo', 'alive'])).trim()).toBe('alive');
    expect(await stateOf(pod)).toBe('CONTAINER_RUNNING');
  });

  it('hears them again when it is lifted', async () => {
    const pod = await holdFor(60);
    await rm(join(held, pod.containerId));
    await signal(pod, 'SIGKILL');
    await expect.poll(async () => await stateOf(pod), { timeout: 5_000 }).toBe('CONTAINER_EXITED');
  });

  it('hears them again when its time is over, though nobody lifts it', async () => {
    const pod = await holdFor(2);
    await signal(pod, 'SIGKILL');
    expect(await stateOf(pod)).toBe('CONTAINER_RUNNING');
    const ends = async () => {
      await signal(pod, 'SIGKILL');
      return await stateOf(pod);
    };
    await expect.poll(ends, { timeout: 10_000, interval: 500 }).toBe('CONTAINER_EXITED');
  });

  it('is that one alone', async () => {
    await holdFor(60);
    const other = await pods.run({ name: 'other', image: 'counter' }, node);
    await signal(other, 'SIGKILL');
    await expect.poll(async () => await stateOf(other), { timeout: 5_000 }).toBe('CONTAINER_EXITED');
  });
});
