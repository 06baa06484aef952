/** Two coordinators of one cluster: one works, and the other one goes on when that is gone. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  addressOf,
  apply,
  clientFlags,
  clientIdentity,
  coordinatorIdentity,
  daemonPid,
  open,
  ports,
  runKubectl,
  startCoordinator,
  stopCoordinator,
} from '../lab/index.ts';
import { otherThan } from '../integration/migrate.ts';
import { expectNothingLeft } from './leftovers.ts';
import { barePod, container, namespace, podSpec, type Placed, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
const root = join(import.meta.dirname, '../..');
const elect = ['--leader-elect'];
/** Where the coordinators are, with their lease. */
const own = ['--namespace', 'podferry-system'];
/** Where the second one listens. */
const second = `${addressOf('control')}:7543`;
let other: ChildProcess;
let placed: Placed;

beforeEach(async () => {
  await stopCoordinator(lab);
  await startCoordinator(lab, { args: elect });
  await leads((holder) => holder !== '');
  const flags = ['--listen', second, '--metrics-listen', `${addressOf('control')}:7544`, ...elect];
  other = lab.spawn('control', [process.execPath, join(root, 'coordinator/main.ts'), ...ownFlags(), ...flags], {
    stdio: 'ignore',
  });
  await workloads.make(barePod('counter', podSpec([container('counter')])));
  placed = await thePodOf(lab, 'counter');
});

afterEach(async () => {
  if (other.exitCode === null) other.kill('SIGKILL');
  await stopCoordinator(lab, 'SIGKILL');
  await runKubectl(lab, ['delete', 'lease', 'podferry-coordinator', ...own, '--ignore-not-found']);
  await startCoordinator(lab);
  await runKubectl(lab, ['delete', 'podmigrations', '--all', '--timeout=60s']);
  await workloads.remove();
  await expectNothingLeft(lab);
});

function ownFlags(): string[] {
  const agents = lab.nodeNames.map((node) => `${node}=${addressOf(node)}:${ports.agent}`).join(',');
  const kubeconfig = lab.layout.kubeconfig('podferry-coordinator');
  return ['--tls-dir', lab.layout.tlsOf(coordinatorIdentity), '--agents', agents, '--kubeconfig', kubeconfig];
}

async function holder(): Promise<string> {
  const path = 'jsonpath={.spec.holderIdentity}';
  return await runKubectl(lab, ['get', 'lease', 'podferry-coordinator', ...own, '-o', path]).catch(() => '');
}

async function leads(isThat: (holder: string) => boolean): Promise<string> {
  await expect.poll(async () => isThat(await holder()), { timeout: 30_000, interval: 250 }).toBe(true);
  return await holder();
}

async function listAt(coordinator: string): Promise<{ code: number; stderr: string }> {
  const cli = join(root, 'coordinator/cli/kubectl-migrate.ts');
  const flags = [...clientFlags(lab, clientIdentity), '--coordinator', coordinator];
  return await lab.exec('control', [process.execPath, cli, 'list', ...flags]);
}

/** What it says of itself to who would send clients to it. */
async function readyAt(port: number): Promise<string> {
  const ask = `const answer = await fetch('http://${addressOf('control')}:${port}/readyz'); console.log(answer.status, (await answer.text()).trim())`;
  const argv = [process.execPath, '--input-type=module', '-e', ask];
  return (await lab.run('control', argv, { env: { ...process.env, NO_PROXY: '*', no_proxy: '*' } })).trim();
}

async function move(name: string, pod: Placed): Promise<void> {
  const spec = { sourcePod: { name: pod.name }, targetNode: otherThan(pod.node), lingerSeconds: 3 };
  await apply(lab, [
    { apiVersion: 'podferry.dev/v1alpha1', kind: 'PodMigration', metadata: { name, namespace }, spec },
  ]);
}

it('one that does not lead says who does, and carries on when that is killed', async () => {
  const first = await holder();
  await expect
    .poll(async () => await listAt(second), { timeout: 15_000 })
    .toMatchObject({
      stderr: expect.stringContaining(`${first} leads`),
    });
  expect(await readyAt(7544)).toMatch(new RegExp(`^503 .*${first} leads, ask that one`));
  expect(await readyAt(ports.coordinatorMetrics)).toBe('200 ok');
  await move('handed-over', placed);
  await runKubectl(lab, ['wait', '--for=jsonpath={.status.committed}=true', 'pm/handed-over', '--timeout=60s']);
  await stopCoordinator(lab, 'SIGKILL');
  await leads((name) => name !== first);
  await runKubectl(lab, ['wait', '--for=condition=Succeeded', 'pm/handed-over', '--timeout=60s']);
  const moved = await thePodOf(lab, 'counter');
  expect(moved.node).toBe(otherThan(placed.node));
  expect(await listAt(second)).toMatchObject({ code: 0 });
  await move('back', moved);
  await runKubectl(lab, ['wait', '--for=condition=Succeeded', 'pm/back', '--timeout=60s']);
});

it('one that was not heard of for too long ends', async () => {
  const first = await holder();
  const pid = await daemonPid(lab.layout, lab.entrance('control'), 'coordinator');
  if (pid === undefined) throw new Error('the coordinator does not run');
  process.kill(pid, 'SIGSTOP');
  try {
    await leads((name) => name !== first);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const alive = async () => await daemonPid(lab.layout, lab.entrance('control'), 'coordinator');
  await expect.poll(alive, { timeout: 10_000 }).toBeUndefined();
  await move('as-usual', placed);
  await runKubectl(lab, ['wait', '--for=condition=Succeeded', 'pm/as-usual', '--timeout=60s']);
});

it('one that is shut down gives its lead away at once', async () => {
  const first = await holder();
  await expect.poll(async () => (await listAt(second)).stderr, { timeout: 15_000 }).toContain('leads');
  const began = performance.now();
  await stopCoordinator(lab);
  await leads((name) => name !== first && name !== '');
  expect(performance.now() - began).toBeLessThan(10_000);
  const ended = once(other, 'exit');
  other.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
