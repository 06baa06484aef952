/** What waits at the target gives up, or loses its agent, before it is told to go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import type { Attempt } from './attempt.ts';
import { expectRolledBack, expectSucceeded, whileFrozen } from './expect-ended.ts';
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

it('the wrapper waits no longer than its deadline, whatever the coordinator does', async () => {
  const coordinator = await Part.coordinator(lab);
  // The wrapper's deadline comes from both and 5 s more.
  const attempt = subject.move('--timeout', '4s', '--freeze-timeout', '1s');
  await attempt.copying();
  coordinator.signal('SIGSTOP');
  const failed = await attempt.appears('target', 'containers/redis/failed');
  expect(failed).toContain('redis');
  coordinator.signal('SIGCONT');
  expectRolledBack(await attempt.ended, 'DeadlineExceeded', 'PreCopying', ...whileFrozen);
  await subject.ranOnAtSource();
});

it('its CRIU is killed: the source hears of it before anything is committed', async () => {
  const attempt = await subject.moveUntilArmed(async () => {
    await lab.run('node-b', ['pkill', '-KILL', '-x', 'criu']);
    await sleep(500);
  });
  const ended = await attempt.ended;
  expectRolledBack(ended, 'TargetPrepareFailed', 'PreCopying', ...whileFrozen);
  expect(ended.migration?.message).toContain('nothing waits on node-b any more');
  await subject.ranOnAtSource();
});

/** Everything has been sent and nothing is committed when the agent of the target dies, for longer than containerd waits. */
async function loseTheTarget(alsoKilled: () => Promise<unknown>): Promise<Attempt> {
  const [agent, coordinator] = [await Part.agent(lab, 'node-b'), await Part.coordinator(lab)];
  const attempt = subject.move('--freeze-timeout', '30s');
  await attempt.source('Frozen');
  coordinator.signal('SIGSTOP');
  await attempt.source('Sent');
  // Until the target has written down that it has everything; before that it refuses any go.
  await sleep(200);
  agent.kill();
  await alsoKilled();
  await sleep(6_500);
  await agent.startAgain();
  coordinator.signal('SIGCONT');
  return attempt;
}

it('its agent is away for long: the wrapper waits on, and the go comes from the next agent', async () => {
  const attempt = await loseTheTarget(() => Promise.resolve());
  const ended = await attempt.ended;
  expectSucceeded(ended);
  await subject.movedToTarget(ended);
});

it('the runtime has given its start up: the go is refused, and the source runs on', async () => {
  const attempt = await loseTheTarget(() => lab.run('node-b', ['pkill', '-KILL', '-f', 'start-container.ts']));
  const { code, migration } = await attempt.ended;
  expect(migration).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed', committed: false });
  expect(migration?.message).toContain('the pod runs on at node-a');
  expect(code).toBe(3);
  await subject.ranOnAtSource({ longestGapMs: 12_000, kept: { target: /^file \/run\/podferry\/kept/ } });
});
