/** Whatever fails: one pod runs, in one place, with all that was acknowledged, and nothing is left of the try. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { runKubectl } from '../lab/kubernetes/kubectl.ts';
import { otherThan } from '../integration/migrate.ts';
import { Part } from '../integration/outage.ts';
import { Subject } from './subject.ts';
import { deployment, podsOf, statefulSet, thePodOf } from './workload.ts';

const lab = open();
let subject: Subject;

afterEach(async () => await subject.end());

describe.each([
  ['Deployment', deployment],
  ['StatefulSet', statefulSet],
])('of a %s', (_, owned) => {
  beforeEach(async () => {
    subject = await Subject.start(lab, owned);
  });

  describe('the coordinator is killed and started again', () => {
    it.each(['Prepared', 'Armed', 'Frozen', 'Sent'] as const)('when the source is %s', async (step) => {
      const coordinator = await Part.coordinator(lab);
      const attempt = subject.move();
      await attempt.source(step);
      coordinator.kill();
      await coordinator.startAgain();
      await subject.isWhere(await attempt.ended);
    });

    it('when it is committed: it is carried on', async () => {
      const coordinator = await Part.coordinator(lab);
      const attempt = subject.move();
      await attempt.source('Committed');
      coordinator.kill();
      await coordinator.startAgain();
      expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
      await subject.movedToTarget();
    });
  });

  describe('an agent is killed and started again', () => {
    it.each(['Prepared', 'Frozen', 'Sent'] as const)('the source’s when it is %s', async (step) => {
      const agent = await Part.agent(lab, subject.placed.node);
      const attempt = subject.move();
      await attempt.source(step);
      agent.kill();
      await agent.startAgain();
      await subject.isWhere(await attempt.ended);
    });

    it('the target’s while its pod waits', async () => {
      const agent = await Part.agent(lab, otherThan(subject.placed.node));
      const attempt = subject.move();
      await attempt.target('Waiting');
      agent.kill();
      await agent.startAgain();
      await subject.isWhere(await attempt.ended);
    });

    it('either, right after the commit', async () => {
      const { node } = subject.placed;
      const agents = [await Part.agent(lab, node), await Part.agent(lab, otherThan(node))];
      const attempt = subject.move();
      await attempt.source('Committed');
      for (const agent of agents) agent.kill();
      for (const agent of agents) await agent.startAgain();
      expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
      await subject.movedToTarget();
    });
  });

  it('has no API server for 10 s from the copying on', async () => {
    const attempt = subject.move();
    await attempt.source('Prepared');
    const goOn = await subject.suspend('control', 'kube-apiserver');
    await sleep(10_000);
    goOn();
    await subject.isWhere(await attempt.ended);
  });
});

// What differs for a StatefulSet is in stateful-set-faults.test.ts.
describe('of a Deployment', () => {
  beforeEach(async () => {
    subject = await Subject.start(lab, deployment);
  });

  describe('Kubernetes itself', () => {
    it('has no API server for 10 s from the commit on', async () => {
      const attempt = subject.move();
      await attempt.source('Sent');
      const goOn = await subject.suspend('control', 'kube-apiserver');
      await sleep(10_000);
      goOn();
      expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
      await subject.movedToTarget();
    });

    it('has no kubelet on the target: the pod never starts there', async () => {
      const target = otherThan(subject.placed.node);
      const goOn = await subject.suspend(target, `${target}.kubelet`);
      const attempt = subject.move('--timeout', '4s');
      await attempt.id();
      await sleep(6_000);
      goOn();
      expect((await attempt.ended).migration).toMatchObject({ phase: 'RolledBack', reason: 'DeadlineExceeded' });
      await subject.ranOnAtSource();
    });

    it('loses the kubelet on the target after the commit, for a while', async () => {
      const target = otherThan(subject.placed.node);
      const attempt = subject.move();
      await attempt.source('Committed');
      const goOn = await subject.suspend(target, `${target}.kubelet`);
      await sleep(8_000);
      goOn();
      expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
      await subject.movedToTarget();
    });
  });

  describe('people', () => {
    it('cordon the target’s node meanwhile: what is on its way arrives', async () => {
      const target = otherThan(subject.placed.node);
      const attempt = subject.move();
      await attempt.target('Waiting');
      await runKubectl(lab, ['cordon', target]);
      try {
        expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
        await subject.movedToTarget();
      } finally {
        await runKubectl(lab, ['uncordon', target]);
      }
    });

    it('delete the target while it waits', async () => {
      const coordinator = await Part.coordinator(lab);
      const attempt = subject.move();
      await attempt.target('Waiting');
      coordinator.signal('SIGSTOP');
      const arriving = (await podsOf(lab, 'redis')).find(({ metadata }) => metadata?.uid !== subject.placed.uid);
      await runKubectl(lab, ['delete', 'pod', arriving?.metadata?.name ?? '', '--wait=false']);
      await sleep(500);
      coordinator.signal('SIGCONT');
      const ended = await attempt.ended;
      expect(ended.migration).toMatchObject({ phase: 'RolledBack', committed: false });
      await subject.ranOnAtSource();
    });

    it('delete the source while its files are copied: another one takes its place, as they have asked', async () => {
      const coordinator = await Part.coordinator(lab);
      const attempt = subject.move();
      await attempt.source('Prepared');
      coordinator.signal('SIGSTOP');
      await runKubectl(lab, ['delete', 'pod', subject.placed.name, '--grace-period=1']);
      coordinator.signal('SIGCONT');
      expect((await attempt.ended).migration).toMatchObject({ phase: 'RolledBack', committed: false });
      const now = await thePodOf(lab, 'redis');
      expect(now.uid).not.toBe(subject.placed.uid);
    });
  });
});
