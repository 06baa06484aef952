/** A cable is pulled before the commit: nothing tells anybody, and still the pod runs on at the source. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { open, type Place } from '../lab/index.ts';
import type { Attempt } from './attempt.ts';
import { expectRolledBack, whileFrozen } from './expect-ended.ts';
import { letCriuGo } from './outage.ts';
import { Subject } from './subject.ts';

const lab = open();
let subject: Subject;

beforeEach(async () => {
  subject = await Subject.start(lab);
});

afterEach(async () => {
  await subject.end();
});

/** Silence after which agents give each other up. */
const silenceMs = 3_000;

it('the target is cut off while files are copied, and comes back', async () => {
  const attempt = subject.move();
  await attempt.copying();
  await lab.unplug('node-b');
  await sleep(silenceMs + 2_000);
  await lab.plugIn('node-b');
  expectRolledBack(await attempt.ended, 'TransferFailed', 'PreCopying');
  await subject.ranOnAtSource();
});

/** While the pod is frozen, and nothing of its memory has left: a dump would be over before a cable is pulled. */
async function cutOff(place: Place, ...flags: string[]): Promise<Attempt> {
  const attempt = await subject.moveWithSlowCriu(...flags);
  await lab.unplug(place);
  await letCriuGo(lab, subject.route.source);
  // A pod that is being dumped moves now and then: CRIU has it run code of its own.
  await attempt.appears('source', 'containers/redis/dumped');
  await subject.frozen();
  return attempt;
}

it('the target is cut off while the pod is frozen: it runs again as soon as the silence is noticed', async () => {
  const attempt = await cutOff('node-b');
  await expect.poll(() => subject.standsStill(), { timeout: silenceMs + 2_000, interval: 20 }).toBe(false);
  await lab.plugIn('node-b');
  expectRolledBack(await attempt.ended, 'TransferFailed', ...whileFrozen);
  await subject.ranOnAtSource({ longestGapMs: silenceMs + 4_000 });
});

it('the source is cut off while the pod is frozen: nobody can tell it, and it runs again by itself', async () => {
  const attempt = await cutOff('node-a');
  await expect.poll(() => subject.standsStill(), { timeout: silenceMs + 2_000, interval: 20 }).toBe(false);
  await lab.plugIn('node-a');
  // What the source said meanwhile is heard now.
  expectRolledBack(await attempt.ended, 'TransferFailed', ...whileFrozen);
  await subject.ranOnAtSource({ longestGapMs: silenceMs + 6_000 });
});

it('the coordinator is cut off while the pod is frozen: the watchdog lets it run, and the commit comes too late', async () => {
  const attempt = await cutOff('control', '--freeze-timeout', '2s');
  await sleep(4_000);
  expect(await subject.standsStill()).toBe(false);
  await lab.plugIn('control');
  expectRolledBack(await attempt.ended, 'DeadlineExceeded', ...whileFrozen);
  await subject.ranOnAtSource({ longestGapMs: 8_000 });
});
