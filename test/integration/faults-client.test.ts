/** Whoever asked for the move changes his mind, or is gone: before the commit that is a roll back. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { type Attempt, kubectlMigrate } from './attempt.ts';
import { expectRolledBack, whileFrozen } from './expect-ended.ts';
import { letCriuGo, Part } from './outage.ts';
import { Subject } from './subject.ts';

const lab = open();
let subject: Subject;

beforeEach(async () => {
  subject = await Subject.start(lab);
});

afterEach(async () => {
  await subject.end();
});

/** Waits for the roll back, as the command does; so it succeeds when that has been done. */
async function cancel(attempt: Attempt): Promise<void> {
  const { code, migration } = await kubectlMigrate(lab, 'cancel', await attempt.id());
  expect(migration).toMatchObject({ phase: 'RolledBack', reason: 'Cancelled' });
  expect(code).toBe(0);
}

describe('kubectl migrate cancel takes it back', () => {
  it('while the target is prepared', async () => {
    const agent = await Part.agent(lab, 'node-b');
    const attempt = subject.move();
    await attempt.target('Prepared');
    agent.signal('SIGSTOP');
    const cancelled = cancel(attempt);
    await isCancelled(attempt);
    agent.signal('SIGCONT');
    await cancelled;
    expectRolledBack(await attempt.ended, 'Cancelled', 'Preparing');
    await subject.ranOnAtSource();
  });

  it('while files are copied', async () => {
    const agent = await Part.agent(lab, 'node-b');
    const attempt = subject.move();
    await attempt.copying();
    // Or the copy could be over before a cancel has been started.
    agent.signal('SIGSTOP');
    const cancelled = cancel(attempt);
    await isCancelled(attempt);
    agent.signal('SIGCONT');
    await cancelled;
    expectRolledBack(await attempt.ended, 'Cancelled', 'PreCopying');
    await subject.ranOnAtSource();
  });

  it('while the pod is frozen, as soon as its CRIU has left', async () => {
    const attempt = await subject.moveWithSlowCriu();
    const cancelled = cancel(attempt);
    await isCancelled(attempt);
    expect(await subject.standsStill()).toBe(true);
    await letCriuGo(lab, 'node-a');
    await cancelled;
    expectRolledBack(await attempt.ended, 'Cancelled', ...whileFrozen);
    await subject.ranOnAtSource({ longestGapMs: 8_000 });
  });
});

/** Resolves when the coordinator has taken note, though it has not ended. */
async function isCancelled(attempt: Attempt): Promise<void> {
  const id = await attempt.id();
  const reason = async () => (await kubectlMigrate(lab, 'get', id)).migration?.reason;
  await expect.poll(reason, { timeout: 5_000 }).toBe('Cancelled');
}

describe('the client of a move', () => {
  it('is interrupted: it cancels, waits for the roll back and says 130', async () => {
    const attempt = subject.move();
    await attempt.copying();
    attempt.signal('SIGINT');
    const { code, migration, stderr } = await attempt.ended;
    expect(migration).toMatchObject({ phase: 'RolledBack', reason: 'Cancelled' });
    expect(stderr).toContain('waiting for the roll back');
    expect(code).toBe(130);
    await subject.ranOnAtSource();
  });

  it('is killed while files are copied', async () => {
    const attempt = subject.move();
    await attempt.copying();
    attempt.signal('SIGKILL');
    await goesBackAlone(attempt);
    await subject.ranOnAtSource();
  });

  it('is killed while the pod is frozen', async () => {
    const attempt = subject.move();
    await attempt.source('Frozen');
    attempt.signal('SIGKILL');
    await goesBackAlone(attempt);
    await subject.ranOnAtSource();
  });
});

/** Nobody is left who could tell how it ended but the coordinator. */
async function goesBackAlone(attempt: Attempt): Promise<void> {
  const id = await attempt.id();
  expect(await attempt.ended).toMatchObject({ migration: undefined });
  const { code, migration } = await kubectlMigrate(lab, 'watch', id);
  expect(migration).toMatchObject({ phase: 'RolledBack', reason: 'ClientGone', committed: false });
  expect(code).toBe(1);
}
