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

const impatient = { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1 };
const ways: Record<string, V1Probe> = {
  tcpSocket: { ...impatient, tcpSocket: { port: 8080 } },
  exec: { ...impatient, exec: { command: ['sh', '-c', 'nc 127.0.0.1 8080 </dev/null | grep -q .'] } },
};

async function start(probe: V1Probe): Promise<Placed> {
  const watched = container('counter', { livenessProbe: probe, readinessProbe: probe });
  await workloads.make(deployment('counter', podSpec([watched])));
  return await thePodOf(lab, 'counter');
}

const restartsOf = ({ pod }: Placed) => pod.status?.containerStatuses?.map(({ restartCount }) => restartCount);

describe.each(Object.entries(ways))('impatient probes, %s', (_way, probe) => {
  it('see nothing of four moves', { timeout: 180_000 }, async () => {
    let placed = await start(probe);
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
    // Of the target: from where it went on, without a number lost or printed twice.
    const numbers = (await logsOf(lab, placed.name)).trim().split('\n').map(Number);
    expect(numbers[0]).toBeGreaterThan(5);
    expect(numbers.slice(1)).toEqual(numbers.slice(0, -1).map((number) => number + 1));
  });

  it('see nothing of a roll back after a freeze of three seconds', { timeout: 180_000 }, async () => {
    const placed = await start(probe);
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

  it('see nothing of a roll back because the agent died', { timeout: 180_000 }, async () => {
    const placed = await start(probe);
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

/** It is the same one, never started again, also after some periods more, and goes on. */
async function expectUnharmed(placed: Placed, count: number): Promise<void> {
  await sleep(4_000);
  const after = await thePodOf(lab, 'counter');
  expect(after.uid).toBe(placed.uid);
  expect(restartsOf(after)).toEqual([0]);
  expect(Number(await ask(lab, after.ip))).toBeGreaterThan(count);
}
