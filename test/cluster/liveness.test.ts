/** A frozen pod answers no probe: kubelet must not take it for a dead one, however impatient its probes are. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Probe } from '@kubernetes/client-node';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, open } from '../lab/index.ts';
import { Attempt, kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { Part, repair } from '../integration/outage.ts';
import { expectNothingLeft } from './leftovers.ts';
import { container, deployment, logsOf, type Placed, podSpec, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);

afterEach(async () => {
  await repair(lab);
  await workloads.remove();
  await expectNothingLeft(lab);
});

const impatient = { periodSeconds: 1, timeoutSeconds: 1 };
const exec = { exec: { command: ['sh', '-c', 'nc 127.0.0.1 8080 </dev/null | grep -q .'] } };
const tcpSocket = { tcpSocket: { port: 8080 } };

async function start(way: Partial<V1Probe>, failureThreshold: number): Promise<Placed> {
  const probe = { ...impatient, ...way, failureThreshold };
  // Whom kubelet has found dead is to be seen dying at once.
  const containers = [container('counter', { livenessProbe: probe, readinessProbe: probe })];
  const spec = podSpec(containers, { terminationGracePeriodSeconds: 1 });
  await workloads.make(deployment('counter', spec));
  return await thePodOf(lab, 'counter');
}

/** It is the same one, never started again, also after some periods more, and goes on. */
async function expectUnharmed(placed: Placed, count: number): Promise<void> {
  await sleep(5_000);
  const after = await thePodOf(lab, 'counter');
  expect(after.uid).toBe(placed.uid);
  expect(after.pod.status?.containerStatuses).toMatchObject([{ restartCount: 0, ready: true }]);
  expect(Number(await ask(lab, after.ip))).toBeGreaterThan(count);
}

it.each([
  ['tcpSocket', tcpSocket],
  ['exec', exec],
])('one failed probe would be enough, %s: four moves leave no trace', { timeout: 180_000 }, async (_way, probe) => {
  let placed = await start(probe, 1);
  let count = 0;
  for (let moves = 0; moves < 4; moves += 1) {
    const { code, stderr } = await kubectlMigrate(lab, placed.name, '--to', otherThan(placed.node));
    expect(code, stderr).toBe(0);
    placed = await thePodOf(lab, 'counter');
    const now = Number(await ask(lab, placed.ip));
    expect(now).toBeGreaterThan(count);
    count = now;
  }
  await expectUnharmed(placed, count);
  // Of the last target alone: from where it went on, without a number left out or printed twice.
  const numbers = (await logsOf(lab, placed.name)).trim().split('\n').map(Number);
  expect(numbers[0]).toBeGreaterThan(5);
  expect(numbers.slice(1)).toEqual(numbers.slice(0, -1).map((number) => number + 1));
});

// A probe over the network is refused while the pod is frozen, and that counts: so many more than the freeze has seconds.
describe.each([
  ['tcpSocket', tcpSocket, 6],
  ['exec', exec, 1],
])('a roll back, probed by %s', (_way, probe, failureThreshold) => {
  it('after a freeze of three seconds', { timeout: 180_000 }, async () => {
    const placed = await start(probe, failureThreshold);
    const count = Number(await ask(lab, placed.ip));
    const coordinator = await Part.coordinator(lab);
    const route = { source: placed.node, target: otherThan(placed.node) };
    const attempt = Attempt.start(lab, placed.name, route, '--freeze-timeout', '3s', '--reconnect', '1m');
    await attempt.source('Frozen');
    // Nobody commits it: the watchdog thaws.
    coordinator.signal('SIGSTOP');
    await sleep(4_000);
    coordinator.signal('SIGCONT');
    const { migration } = await attempt.ended;
    expect(migration).toMatchObject({ phase: 'RolledBack', committed: false });
    await expectUnharmed(placed, count);
  });

  it('because the source’s agent died', { timeout: 180_000 }, async () => {
    const placed = await start(probe, failureThreshold);
    const count = Number(await ask(lab, placed.ip));
    const agent = await Part.agent(lab, placed.node);
    const attempt = Attempt.start(lab, placed.name, { source: placed.node, target: otherThan(placed.node) });
    await attempt.source('Frozen');
    agent.kill();
    await agent.startAgain();
    const { migration } = await attempt.ended;
    expect(migration).toMatchObject({ phase: 'RolledBack', committed: false });
    await expectUnharmed(placed, count);
  });
});
