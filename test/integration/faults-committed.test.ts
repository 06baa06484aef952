/** After the commit the target is the workload: whatever fails, it gets there, and the source never runs again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { kubectlMigrate } from './attempt.ts';
import { expectSucceeded } from './expect-ended.ts';
import { Part } from './outage.ts';
import { Subject } from './subject.ts';

const lab = open();
let subject: Subject;

beforeEach(async () => {
  subject = await Subject.start(lab);
});

afterEach(async () => {
  await subject.end();
});

it('the coordinator is killed right after it, and started again', async () => {
  const coordinator = await Part.coordinator(lab);
  const attempt = subject.move();
  await attempt.source('Committed');
  coordinator.kill();
  await coordinator.startAgain();
  const ended = await attempt.ended;
  expectSucceeded(ended);
  await subject.movedToTarget(ended);
});

it('the agent of the target is killed right after the go, and started again', async () => {
  const agent = await Part.agent(lab, 'node-b');
  const attempt = subject.move();
  await attempt.target('Going');
  agent.kill();
  await agent.startAgain();
  const ended = await attempt.ended;
  expectSucceeded(ended);
  await subject.movedToTarget(ended);
});

it('the agent of the source is killed right after it, and started again: the source is killed, not thawed', async () => {
  const agent = await Part.agent(lab, 'node-a');
  const attempt = subject.move();
  await attempt.source('Committed');
  agent.kill();
  await agent.startAgain();
  const ended = await attempt.ended;
  expectSucceeded(ended);
  await subject.movedToTarget(ended);
});

it('the agent of the source has decided for it and dies before it could write down more', async () => {
  const [agent, coordinator] = [await Part.agent(lab, 'node-a'), await Part.coordinator(lab)];
  const attempt = subject.move();
  await attempt.source('Frozen');
  coordinator.signal('SIGSTOP');
  const id = await attempt.source('Sent');
  // The decision is a link that the agent makes first of all.
  await lab.run('node-a', ['ln', '-s', 'commit', `/run/podferry/source/${id}/decision`]);
  agent.kill();
  await agent.startAgain();
  coordinator.signal('SIGCONT');
  const ended = await attempt.ended;
  expectSucceeded(ended);
  await subject.movedToTarget(ended);
});

it('the target hangs for longer than the pod may be frozen: the watchdog leaves the source as it is', async () => {
  const [agent, coordinator] = [await Part.agent(lab, 'node-b'), await Part.coordinator(lab)];
  const attempt = subject.move('--freeze-timeout', '2s');
  await attempt.source('Frozen');
  coordinator.signal('SIGSTOP');
  await attempt.source('Sent');
  agent.signal('SIGSTOP');
  coordinator.signal('SIGCONT');
  await attempt.source('Committed');
  await sleep(3_000);
  expect(await subject.standsStill()).toBe(true);
  agent.signal('SIGCONT');
  const ended = await attempt.ended;
  expectSucceeded(ended);
  await subject.movedToTarget(ended);
});

it('a cancel comes too late, and changes nothing', async () => {
  const attempt = subject.move('--linger', '8s');
  const id = await attempt.source('Committed');
  const { code, stderr } = await kubectlMigrate(lab, 'cancel', id);
  expect(stderr).toContain('error: TooLate: ');
  expect(stderr).toContain('is committed and goes on');
  expect(code).toBe(2);
  const ended = await attempt.ended;
  expectSucceeded(ended);
  await subject.movedToTarget(ended);
});
