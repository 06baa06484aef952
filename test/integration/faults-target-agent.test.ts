/** The target's agent dies before the commit: the pod runs on at the source at once, and the target is cleared away. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { open, startCoordinator, stopCoordinator } from '../lab/index.ts';
import { kubectlMigrate } from './attempt.ts';
import { expectRolledBack, whileFrozen } from './expect-ended.ts';
import { Part } from './outage.ts';
import { Subject } from './subject.ts';

const lab = open();
let subject: Subject;
let agent: Part;

beforeEach(async () => {
  subject = await Subject.start(lab);
  agent = await Part.agent(lab, 'node-b');
});

afterEach(async () => {
  await subject.end();
});

it('killed while it prepares: what it has made by then is removed when it is back', async () => {
  const attempt = subject.move();
  await attempt.target('Prepared');
  agent.kill();
  await agent.startAgain();
  expectRolledBack(await attempt.ended, 'AgentUnreachable', 'Preparing');
  await subject.ranOnAtSource();
});

it('killed while its CRIU waits: that is told to leave when it is back', async () => {
  const attempt = await subject.moveUntilArmed(async () => {
    agent.kill();
    await agent.startAgain();
  });
  expectRolledBack(await attempt.ended, 'TransferFailed', 'PreCopying', ...whileFrozen);
  await subject.ranOnAtSource();
});

it('killed while it receives what was frozen: the source does not wait for it', async () => {
  const attempt = subject.move();
  await attempt.source('Frozen');
  await subject.frozen();
  agent.kill();
  await expect.poll(() => subject.standsStill(), { timeout: 2_000, interval: 20 }).toBe(false);
  await agent.startAgain();
  expectRolledBack(await attempt.ended, 'TransferFailed', ...whileFrozen);
  await subject.ranOnAtSource();
});

it('killed and gone for long: the migration ends without it, and is cleared away whenever it comes back', async () => {
  await stopCoordinator(lab);
  await startCoordinator(lab, { args: ['--rollback-timeout', '2s'] });
  try {
    const attempt = subject.move();
    await attempt.copying();
    agent.kill();
    const ended = await attempt.ended;
    expectRolledBack(ended, 'TransferFailed', 'PreCopying');
    expect(ended.migration?.message).toContain('node-b could not be asked to remove what it had prepared');
    // Who asks for the nodes has the coordinator look at them at once: it sees the agent go and come.
    await kubectlMigrate(lab, 'nodes');
    await agent.startAgain();
    await kubectlMigrate(lab, 'nodes');
    await subject.ranOnAtSource();
  } finally {
    await stopCoordinator(lab);
    await startCoordinator(lab);
  }
});
