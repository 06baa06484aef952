/**
 * Agents that run in pods, as a DaemonSet's do. The image is not Podferry's own: their programs are the node's, which the
 * pods mount. What is seen is what a container changes: another root, another mount namespace, a cgroup whose processes
 * end with the agent.
 */
import type { V1Pod } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  apply,
  daemonPid,
  type NodeName,
  open,
  ports,
  runKubectl,
  startCoordinator,
  startServices,
  stopAgent,
  stopCoordinator,
} from '../lab/index.ts';
import { Attempt } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { holdCriu, letCriuGo } from '../integration/outage.ts';
import { expectNothingLeft } from './leftovers.ts';
import { container, deployment, execIn, type Placed, podSpec, podsIn, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
const own = 'podferry-system';
const agentProgram = '/opt/podferry/agent/main.ts';
const stopped = new Set<number>();

/** A directory of the node, where it is on the node. */
const mounts = [
  { path: '/usr' },
  { path: '/opt/podferry' },
  { path: '/etc/podferry' },
  { path: '/srv/podferry-nfs' },
  { path: '/sys/fs/cgroup' },
  { path: '/sys/kernel' },
  { path: '/run', mountPropagation: 'Bidirectional' },
  { path: '/var/lib/containerd', mountPropagation: 'HostToContainer' },
  { path: '/var/lib/kubelet', mountPropagation: 'HostToContainer' },
  // What Debian's root has as links.
  { path: '/usr/bin', at: '/bin' },
  { path: '/usr/lib', at: '/lib' },
  { path: '/usr/lib64', at: '/lib64' },
  { path: '/run', at: '/var/run', mountPropagation: 'HostToContainer' },
];

const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

const agents = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agents', namespace: own },
  spec: {
    selector: { matchLabels: { app: 'agents' } },
    template: {
      metadata: { labels: { app: 'agents' } },
      spec: {
        hostPID: true,
        terminationGracePeriodSeconds: 5,
        containers: [
          container('counter', {
            command: ['/opt/podferry/node_modules/.bin/node', agentProgram],
            args: [
              '--node=$(NODE)',
              '--data-listen=[$(POD_IP)]:7441',
              '--tls-dir=/etc/podferry/tls',
              '--nfs-dir=/srv/podferry-nfs',
            ],
            env: [
              { name: 'PATH', value: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
              fromField('NODE', 'spec.nodeName'),
              fromField('POD_IP', 'status.podIP'),
            ],
            securityContext: { privileged: true },
            readinessProbe: { httpGet: { path: '/readyz', port: ports.agentMetrics }, periodSeconds: 1 },
            volumeMounts: mounts.map(({ path, at = path, mountPropagation }, index) => ({
              name: `m${index}`,
              mountPath: at,
              ...(mountPropagation !== undefined && { mountPropagation }),
            })),
          }),
        ],
        volumes: mounts.map(({ path }, index) => ({ name: `m${index}`, hostPath: { path } })),
      },
    },
  },
};

async function agentPods(): Promise<V1Pod[]> {
  return (await podsIn(lab, own)).filter(({ metadata }) => metadata?.labels?.['app'] === 'agents');
}

async function killAgent(node: NodeName): Promise<void> {
  await lab.run(node, ['pkill', '-KILL', '-f', agentProgram]);
}

async function frozen(node: NodeName): Promise<boolean> {
  const look = 'find /sys/fs/cgroup/freezer -name freezer.state -exec cat {} +';
  return (await lab.run(node, ['sh', '-c', look])).includes('FROZEN');
}

async function runIdOf({ name }: Placed): Promise<string> {
  return /run_id:\w+/.exec(await execIn(lab, name, ['redis-cli', 'info', 'server']))?.[0] ?? '';
}

function move({ name, node }: Placed, ...flags: string[]): Attempt {
  return Attempt.start(lab, name, { source: node, target: otherThan(node) }, '--reconnect', '1m', ...flags);
}

let placed: Placed;
let runId: string;

/** The same Redis, where it should be, never started again. */
async function isOn(node: NodeName): Promise<Placed> {
  const now = await thePodOf(lab, 'redis');
  expect(now.node).toBe(node);
  expect(now.pod.status?.containerStatuses).toMatchObject([{ restartCount: 0 }]);
  expect(await runIdOf(now)).toBe(runId);
  return now;
}

beforeAll(async () => {
  await stopCoordinator(lab);
  for (const node of lab.nodeNames) await stopAgent(lab, node);
  await apply(lab, [agents]);
  await runKubectl(lab, ['rollout', 'status', 'daemonset/agents', '-n', own, '--timeout=60s']);
  const addresses = (await agentPods()).map(({ spec, status }) => `${spec?.nodeName}=${status?.podIP}:${ports.agent}`);
  await startCoordinator(lab, { args: ['--agents', addresses.join(',')] });
});

beforeEach(async () => {
  await workloads.make(deployment('redis', podSpec([container('redis')])));
  placed = await thePodOf(lab, 'redis');
  runId = await runIdOf(placed);
});

afterEach(async () => {
  for (const node of lab.nodeNames) await lab.exec(node, ['pkill', '-CONT', '-x', 'criu']);
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
  stopped.clear();
  await runKubectl(lab, ['delete', 'podmigrations', '--all', '--timeout=60s']);
  await workloads.remove();
  await expectNothingLeft(lab);
});

afterAll(async () => {
  await stopCoordinator(lab);
  await runKubectl(lab, ['delete', 'daemonset/agents', '-n', own, '--cascade=foreground', '--timeout=60s']);
  await startServices(lab);
});

it('a pod moves there and back, by either transport', async () => {
  expect((await move(placed).ended).migration).toMatchObject({ phase: 'Succeeded' });
  const there = await isOn(otherThan(placed.node));
  expect((await move(there, '--transport', 'nfs').ended).migration).toMatchObject({ phase: 'Succeeded' });
  await isOn(placed.node);
});

describe('the source’s agent is killed in the freeze', () => {
  it('and nobody starts it again: what it has started before ends the freeze', async () => {
    const { node } = placed;
    const kubelet = await daemonPid(lab.layout, lab.entrance(node), `${node}.kubelet`);
    if (kubelet === undefined) throw new Error(`no kubelet runs on ${node}`);
    const attempt = move(placed, '--freeze-timeout', '6s');
    await attempt.source('Frozen');
    // As a slow one would: so the agent ends in the midst of the dump.
    await holdCriu(lab, node);
    stopped.add(kubelet);
    process.kill(kubelet, 'SIGSTOP');
    await killAgent(node);
    // The runtime has killed what was in the agent's cgroup, and not these two.
    const isAlive = async (...pattern: string[]) => (await lab.exec(node, ['pgrep', ...pattern])).code === 0;
    await expect.poll(async () => await isAlive('-f', agentProgram), { timeout: 5_000 }).toBe(false);
    expect(await isAlive('-x', 'criu')).toBe(true);
    expect(await isAlive('-f', 'watchdog.sh')).toBe(true);
    await letCriuGo(lab, node);
    // CRIU leaves the pod frozen when it goes.
    await expect.poll(async () => await frozen(node), { timeout: 4_000, interval: 50 }).toBe(true);
    await expect.poll(async () => await frozen(node), { timeout: 15_000, interval: 200 }).toBe(false);
    expect(await isAlive('-f', agentProgram)).toBe(false);
    process.kill(kubelet, 'SIGCONT');
    stopped.delete(kubelet);
    expect((await attempt.ended).migration).toMatchObject({ phase: 'RolledBack' });
    await isOn(node);
  });

  it.each(['Frozen', 'Sent', 'Committed'] as const)('when it is %s, and kubelet starts it again', async (step) => {
    const { node } = placed;
    const attempt = move(placed);
    await attempt.source(step);
    await killAgent(node);
    const { migration } = await attempt.ended;
    if (step === 'Committed') expect(migration?.phase).toBe('Succeeded');
    await isOn(migration?.phase === 'Succeeded' ? otherThan(node) : node);
  });
});

it('the target’s agent is killed while its pod waits: one pod runs, in one place', async () => {
  const target = otherThan(placed.node);
  const attempt = move(placed);
  await attempt.target('Waiting');
  await killAgent(target);
  const { migration } = await attempt.ended;
  await isOn(migration?.phase === 'Succeeded' ? target : placed.node);
});
