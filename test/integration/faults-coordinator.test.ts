/** The coordinator dies before the commit: whoever comes after it takes everything back, and so do the agents alone. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import type { Attempt } from './attempt.ts';
import { Part } from './outage.ts';
import { Subject } from './subject.ts';

const lab = open();
let subject: Subject;
let coordinator: Part;

beforeEach(async () => {
  subject = await Subject.start(lab);
  coordinator = await Part.coordinator(lab);
});

afterEach(async () => {
  await subject.end();
});

/** Its client asks on until the next coordinator answers. */
async function isTakenBack(attempt: Attempt): Promise<void> {
  const { code, migration } = await attempt.ended;
  expect(migration).toMatchObject({ phase: 'RolledBack', reason: 'CoordinatorRestarted', committed: false });
  expect(code).toBe(1);
}

describe('killed and started again, the coordinator takes back what it finds uncommitted', () => {
  it('while files are copied', async () => {
    const attempt = subject.move();
    await attempt.copying();
    coordinator.kill();
    await coordinator.startAgain();
    await isTakenBack(attempt);
    await subject.ranOnAtSource();
  });

  it('while the pod is frozen', async () => {
    const attempt = subject.move();
    await attempt.source('Frozen');
    coordinator.kill();
    await coordinator.startAgain();
    await isTakenBack(attempt);
    await subject.ranOnAtSource({ longestGapMs: 5_000 });
  });

  it('when everything has been sent', async () => {
    const attempt = subject.move();
    await attempt.source('Frozen');
    coordinator.signal('SIGSTOP');
    await attempt.source('Sent');
    coordinator.kill();
    await coordinator.startAgain();
    await isTakenBack(attempt);
    await subject.ranOnAtSource({ longestGapMs: 5_000 });
  });
});

describe('killed and not started again, the coordinator leaves agents that take everything back alone', () => {
  it('the source by the deadline of its freeze, both by that of the wait', { timeout: 90_000 }, async () => {
    // The wait is bounded by both and 5 s, and agents give a slow coordinator 15 s more.
    const attempt = subject.move('--timeout', '5s', '--freeze-timeout', '2s', '--reconnect', '2m');
    await attempt.source('Frozen');
    coordinator.signal('SIGSTOP');
    await attempt.source('Sent');
    coordinator.kill();
    await subject.frozen();
    await expect.poll(() => subject.standsStill(), { timeout: 2_500, interval: 20 }).toBe(false);
    // The target cannot know that nobody has committed to it: its word that nothing ran is all that it keeps.
    await attempt.target('RestoreFailed');
    await coordinator.startAgain();
    await subject.clearedWithin(10_000);
    await subject.ranOnAtSource({ longestGapMs: 5_000 });
  });
});
