/** Nobody gives the go, for so long that what waits for it is over: the proof that it never came is what is left. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { askAgent } from './ask-part.ts';
import type { Attempt } from './attempt.ts';
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

/** The source has committed, and its coordinator has gone; then the target's time is over. */
async function committedInVain(coordinator: Part): Promise<{ attempt: Attempt; id: string }> {
  const agent = await Part.agent(lab, 'node-a');
  const attempt = subject.move('--timeout', '6s', '--freeze-timeout', '4s', '--reconnect', '2m');
  await attempt.source('Frozen');
  coordinator.signal('SIGSTOP');
  const id = await attempt.source('Sent');
  // As if the commit had been asked for, and its answer had found nobody.
  await lab.run('node-a', ['ln', '-s', 'commit', `/run/podferry/source/${id}/decision`]);
  agent.kill();
  await agent.startAgain();
  coordinator.kill();
  await attempt.target('RestoreFailed');
  expect(await subject.standsStill()).toBe(true);
  return { attempt, id };
}

it('a coordinator that comes back after that revokes the commit: the pod runs on at its source', async () => {
  const coordinator = await Part.coordinator(lab);
  const { attempt } = await committedInVain(coordinator);
  await coordinator.startAgain();
  const { code, migration } = await attempt.ended;
  expect(migration).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed', committed: false });
  expect(migration?.message).toContain('the pod runs on at node-a');
  expect(code).toBe(3);
  await subject.ranOnAtSource({ longestGapMs: 60_000 });
});

it('a coordinator that dies between revoking and rolling back: a watchdog thaws', async () => {
  const coordinator = await Part.coordinator(lab);
  const { attempt, id } = await committedInVain(coordinator);
  expect(await askAgent(lab, 'node-a', 'Revoke', { migration: id })).toMatchObject({ status: 'OK' });
  await expect.poll(async () => await subject.standsStill(), { timeout: 10_000 }).toBe(false);
  await coordinator.startAgain();
  const { migration } = await attempt.ended;
  expect(migration).toMatchObject({ committed: false });
  await subject.ranOnAtSource({ longestGapMs: 60_000 });
});
