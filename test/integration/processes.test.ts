/** A process is the same at the target in everything that the kernel says of it, and is bounded as it was. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { ask, open } from '../lab/index.ts';
import { cgroupsOf, lookAt, pidsIn } from './look.ts';
import { logOf } from './log.ts';
import { execIn, migrate, move, type Placed, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

afterEach(async () => await pods.remove());

/** A shell and its children: each has something that a process can have. */
const family = `
umask 027
ulimit -Sn 321; ulimit -Hn 654; ulimit -c 0; ulimit -s 4096
mkdir /tmp/here; cd /tmp/here
trap '' HUP USR1
trap 'echo ended' TERM
sleep 100001 & renice -n 7 -p $!
sleep 100002 &
setsid sleep 100003 &
env -i ONLY=this /bin/sleep 100004 &
(umask 000; cd /; ulimit -n 100; exec sleep 100005) &
exec 5</etc/passwd 6>>/tmp/log 7<>/tmp/both
read word <&5
echo ready >&6
wait
`;

it('an ordinary user’s processes: identity, environment, limits, signals, descriptors, mounts', async () => {
  const pod = await pods.run({
    name: 'family',
    image: 'counter',
    command: ['/bin/sh', '-c', family],
    env: { GREETING: 'grüß dich', EMPTY: '', LINES: 'a\nb' },
    securityContext: {
      run_as_user: { value: 1000 },
      run_as_group: { value: 1001 },
      supplemental_groups: [7, 2000],
      no_new_privs: true,
      capabilities: { drop_capabilities: ['ALL'] },
    },
    resources: { oom_score_adj: '987' },
  });
  await expect
    .poll(() => lookAt(lab, pod))
    .toMatchObject({
      1: {
        cwd: '/tmp/here',
        status: { Umask: '0027', Uid: '1000\t1000\t1000\t1000', Groups: '7 1001 2000 ', NoNewPrivs: '1', Seccomp: '2' },
        descriptors: { 5: '/etc/passwd 0 at 30', 6: '/tmp/log 2001 at 6' },
      },
    });
  const before = lookAt(lab, pod);
  const processes = Object.values(before);
  expect(processes).toHaveLength(6);
  expect(processes.map(({ nice }) => nice)).toContain('7');
  const there = await move(lab, pod);
  expect(lookAt(lab, there)).toEqual(before);
  expect(lookAt(lab, await move(lab, there))).toEqual(before);
});

it('root with capabilities, without a seccomp filter', async () => {
  const pod = await pods.run({
    name: 'root',
    image: 'tree',
    securityContext: {
      capabilities: { add_capabilities: ['NET_ADMIN', 'SYS_PTRACE'], drop_capabilities: ['MKNOD'] },
      seccomp: { profile_type: 'Unconfined' },
    },
  });
  await expect.poll(async () => await ask(lab, pod.ip)).toMatch(/^ok/);
  const before = lookAt(lab, pod);
  expect(before['1']).toMatchObject({
    status: { Seccomp: '0', SigBlk: '0000000000000a00', SigPnd: expect.any(String) },
  });
  expect(lookAt(lab, await move(lab, pod))).toEqual(before);
});

it('who sleeps or waits goes on doing so, exactly as long as it would have', async () => {
  // None of them knows EINTR. nc has set an alarm; the shell says "over" when both have ended.
  const script = 'echo begin; (sleep 4; echo slept) & (nc -l -p 999 -w 5; echo woken) & wait; echo over; sleep 1000';
  const pod = await pods.run({ name: 'sleeper', image: 'counter', command: ['/bin/sh', '-c', script] });
  await expect.poll(() => pidsIn(lab, pod).length).toBe(5);
  const there = await move(lab, pod);
  const back = await move(lab, there);
  const at = (text: string) => lines().find((line) => line.text === text)?.unixMs ?? Number.NaN;
  // Back where it was, both its logs are in the same file. Where moves take long it has said something in between.
  const lines = () => [...logOf(lab, there), ...logOf(lab, back)].sort((a, b) => a.unixMs - b.unixMs);
  await expect.poll(lines, { timeout: 10_000 }).toContainEqual(expect.objectContaining({ text: 'over' }));
  // nc complains on another stream than the shell: which line comes first is up to the log.
  const said = lines().map(({ text }) => text);
  expect(said.filter((text) => text !== 'nc: timed out')).toEqual(['begin', 'slept', 'woken', 'over']);
  expect(said).toContain('nc: timed out');
  const frozen = 1_000;
  expect(at('slept') - at('begin')).toBeGreaterThan(3_900);
  expect(at('slept') - at('begin')).toBeLessThan(4_000 + frozen);
  expect(at('woken') - at('begin')).toBeGreaterThan(4_900);
  expect(at('woken') - at('begin')).toBeLessThan(5_000 + frozen);
});

it('nor is it told of a move that was taken back while it was dumped', async () => {
  const command = ['/bin/sh', '-c', '/memory & sleep 1000; echo "woken $?"; sleep 1000'];
  const pod = await pods.run({ name: 'sleeper', image: 'memory', env: { MB: '150' }, command });
  await expect.poll(async () => await ask(lab, pod.ip).catch(String), { timeout: 10_000 }).toMatch(/^ok/);
  for (const _ of ['once', 'again']) {
    // So much memory cannot be at the target by then, and a dump that has begun comes to its end.
    const { migration, stderr } = await migrate(lab, pod.name, 'node-b', { flags: ['--freeze-timeout', '60ms'] });
    expect(migration?.phase, stderr).toBe('RolledBack');
    expect(migration?.phases).toHaveProperty('Dumping');
  }
  expect(await ask(lab, pod.ip)).toMatch(/^ok/);
  expect(await execIn(lab, pod, ['pidof', 'sleep'])).toMatch(/^\d+\n$/);
  expect(logOf(lab, pod)).toEqual([]);
});

it('a pod with objects of inter-process communication, which would be gone, is refused and runs on', async () => {
  const pod = await pods.run({ name: 'semaphores', image: 'counter' });
  const within = ['nsenter', `--ipc=/proc/${pod.pid}/ns/ipc`, '--'];
  await lab.run(pod.node, [...within, 'ipcmk', '--semaphore', '2']);
  await lab.run(pod.node, [...within, 'ipcmk', '--shmem', '4096']);
  await execIn(lab, pod, ['touch', '/dev/mqueue/queue']);
  const { code, stderr } = await migrate(lab, pod.name, 'node-b');
  expect(stderr).toContain(
    'KernelFeatureInUse: node-a: the pod has System V semaphores (1), System V shared memory (1), POSIX message queues (1)',
  );
  expect(code).toBe(2);
  expect(Number(await ask(lab, pod.ip))).toBeGreaterThan(0);
  await lab.run(pod.node, [...within, 'ipcrm', '--all']);
  await execIn(lab, pod, ['rm', '/dev/mqueue/queue']);
  await move(lab, pod);
});

const limits = {
  memory_limit_in_bytes: String(96 << 20),
  cpu_shares: '512',
  cpu_quota: '50000',
  cpu_period: '100000',
  cpuset_cpus: '1',
};

/** Where they stand, by version of cgroups. */
const limitFiles = {
  1: {
    'memory/memory.limit_in_bytes': String(96 << 20),
    'cpu/cpu.shares': '512',
    'cpu/cpu.cfs_quota_us': '50000',
    'cpu/cpu.cfs_period_us': '100000',
    'cpuset/cpuset.cpus': '1',
  },
  2: { 'unified/memory.max': String(96 << 20), 'unified/cpu.max': '50000 100000', 'unified/cpuset.cpus': '1' },
};

it('every process is in the target container’s cgroups, with the limits of its config', async () => {
  const pod = await pods.run({ name: 'bounded', image: 'memory', env: { MB: '32' }, resources: limits });
  await expect.poll(async () => await ask(lab, pod.ip).catch(String), { timeout: 10_000 }).toMatch(/^ok/);
  const before = cgroupsOf(lab, pod);
  expect(Object.values(before).filter((path) => !path.endsWith(`/${pod.containerId}`))).toEqual([]);

  const moved = await move(lab, pod);
  expect(moved.containerId).not.toBe(pod.containerId);
  const expected = Object.entries(before).map(([name, path]) => [
    name,
    path.replace(pod.containerId, moved.containerId),
  ]);
  for (const pid of pidsIn(lab, moved)) {
    expect(cgroupsOf(lab, { ...moved, pid: Number(pid) })).toEqual(Object.fromEntries(expected));
  }
  const wanted = limitFiles[before['memory'] === undefined ? 2 : 1];
  expect(Object.fromEntries(Object.keys(wanted).map((file) => [file, controlFile(moved, file)]))).toEqual(wanted);
  // Whom the pages were charged to when they were restored.
  const charged = Number(
    controlFile(moved, before['memory'] === undefined ? 'unified/memory.current' : 'memory/memory.usage_in_bytes'),
  );
  expect(charged).toBeGreaterThan(32 << 20);
  expect(charged).toBeLessThan(48 << 20);
});

/** @param name CONTROLLER/FILE */
function controlFile(pod: Placed, name: string): string {
  const [controller = '', file = ''] = name.split('/');
  const hierarchies = join(lab.node(pod.node).root, 'sys/fs/cgroup');
  const top = join(hierarchies, controller);
  return readFileSync(
    join(existsSync(top) ? top : hierarchies, cgroupsOf(lab, pod)[controller] ?? '', file),
    'utf8',
  ).trim();
}
