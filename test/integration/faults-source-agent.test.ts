/** The source's agent dies before the commit: the pod runs on where it is, whether the agent comes back or not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { expectRolledBack, whileFrozen } from './expect-ended.ts';
import { letCriuGo, Part } from './outage.ts';
import { Subject } from './subject.ts';

const lab = open();
let subject: Subject;
let agent: Part;
let coordinator: Part;

beforeEach(async () => {
  subject = await Subject.start(lab);
  agent = await Part.agent(lab, 'node-a');
  coordinator = await Part.coordinator(lab);
});

afterEach(async () => {
  await subject.end();
});

describe('killed and started again, the agent of the source lets the pod run on', () => {
  it('while files are copied', async () => {
    const attempt = subject.move();
    await attempt.copying();
    agent.kill();
    await agent.startAgain();
    expectRolledBack(await attempt.ended, 'AgentUnreachable', 'PreCopying');
    await subject.ranOnAtSource();
  });

  it('when all is armed for the freeze', async () => {
    const attempt = await subject.moveUntilArmed(async () => {
      agent.kill();
      await agent.startAgain();
    });
    expectRolledBack(await attempt.ended, 'AgentUnreachable', 'PreCopying', ...whileFrozen);
    await subject.ranOnAtSource();
  });

  it('while the pod is frozen and dumped', async () => {
    const attempt = subject.move();
    await attempt.source('Frozen');
    await subject.frozen();
    agent.kill();
    await agent.startAgain();
    expectRolledBack(await attempt.ended, 'AgentUnreachable', ...whileFrozen);
    // As long as it takes to start an agent.
    await subject.ranOnAtSource({ longestGapMs: 8_000 });
  });

  it('while the pod is frozen, and CRIU is still at it when the new agent comes', async () => {
    const attempt = await subject.moveWithSlowCriu();
    agent.kill();
    const starting = agent.startAgain();
    await sleep(2_500);
    expect(await subject.standsStill()).toBe(true);
    await letCriuGo(lab, 'node-a');
    await starting;
    expectRolledBack(await attempt.ended, 'AgentUnreachable', ...whileFrozen);
    await subject.ranOnAtSource({ longestGapMs: 8_000 });
  });

  it('when everything has been sent, but nothing is committed', async () => {
    const attempt = subject.move();
    await attempt.source('Frozen');
    coordinator.signal('SIGSTOP');
    await attempt.source('Sent');
    agent.kill();
    await agent.startAgain();
    expect(await subject.standsStill()).toBe(false);
    coordinator.signal('SIGCONT');
    expectRolledBack(await attempt.ended, 'AgentUnreachable', ...whileFrozen);
    await subject.ranOnAtSource({ longestGapMs: 8_000 });
  });
});

describe('killed and not started again, the agent of the source leaves a watchdog that thaws the pod', () => {
  it('at the deadline of the freeze', async () => {
    const attempt = subject.move('--freeze-timeout', '3s');
    await attempt.source('Frozen');
    await subject.frozen();
    agent.kill();
    await sleep(2_000);
    expect(await subject.standsStill()).toBe(true);
    await expect.poll(() => subject.standsStill(), { timeout: 1_500, interval: 20 }).toBe(false);
    await agent.startAgain();
    expectRolledBack(await attempt.ended, 'AgentUnreachable', ...whileFrozen);
    await subject.ranOnAtSource({ longestGapMs: 5_000 });
  });

  it('when CRIU has left, where that is later than the deadline', async () => {
    const attempt = await subject.moveWithSlowCriu('--freeze-timeout', '500ms');
    agent.kill();
    await sleep(1_500);
    expect(await subject.standsStill()).toBe(true);
    await letCriuGo(lab, 'node-a');
    await expect.poll(() => subject.standsStill(), { timeout: 1_500, interval: 20 }).toBe(false);
    await agent.startAgain();
    expectRolledBack(await attempt.ended, 'AgentUnreachable', ...whileFrozen);
    await subject.ranOnAtSource({ longestGapMs: 5_000 });
  });
});
