/** After the commit the restore proves impossible: nothing runs at the target, so the source may run again, and does. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import type { Attempt } from './attempt.ts';
import { Part } from './outage.ts';
import { Subject } from './subject.ts';

const lab = open();
const inTarget = (path: string) => join(lab.node('node-b').root, path);
let subject: Subject;

beforeEach(async () => {
  subject = await Subject.start(lab);
});

afterEach(async () => {
  await lab.run('node-b', ['rm', '-rf', '/run/podferry/kept']);
  await subject.end();
});

/** What Redis has mapped is not there in the container that waits for it. */
async function loseItsProgram(attempt: Attempt): Promise<void> {
  const id = await attempt.target('Waiting');
  const bundle = `/run/podferry/target/${id}/containers/redis/bundle`;
  await lab.run('node-b', ['sh', '-c', `rm "$(readlink ${bundle})/rootfs/usr/bin/redis-server"`]);
}

it('is tried twice, then the commit is revoked: the pod runs on at the source, and its images are kept', async () => {
  const attempt = await subject.moveUntilArmed(loseItsProgram);
  const id = await attempt.id();
  const { code, migration, stderr } = await attempt.ended;
  expect(migration, stderr).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed', committed: false });
  expect(code).toBe(3);
  const kept = `/run/podferry/kept/${id}`;
  // CRIU's own words, where the pod runs now, and where to look.
  expect(migration?.message).toMatch(/tried twice: redis: .*redis-server/);
  expect(migration?.message).toContain('the pod runs on at node-a');
  expect(migration?.message).toContain(kept);
  const images = readdirSync(inTarget(`${kept}/redis/images`));
  expect(images).toEqual(expect.arrayContaining([expect.stringMatching(/^pages-\d+\.img$/), 'pstree.img']));
  for (const work of ['work', 'work-again'])
    expect(existsSync(inTarget(`${kept}/redis/${work}/restore.log`))).toBe(true);
  await subject.ranOnAtSource({ longestGapMs: 8_000, kept: { target: /^file \/run\/podferry\/kept/ } });
});

it('is found out while the coordinator is away: the next one revokes the commit', async () => {
  const [coordinator, agent] = [await Part.coordinator(lab), await Part.agent(lab, 'node-b')];
  const attempt = await subject.moveUntilArmed(loseItsProgram);
  await attempt.target('Going');
  coordinator.kill();
  agent.signal('SIGCONT');
  await coordinator.startAgain();
  const { code, migration } = await attempt.ended;
  expect(migration).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed', committed: false });
  expect(migration?.message).toContain('the pod runs on at node-a');
  expect(code).toBe(3);
  await subject.ranOnAtSource({ longestGapMs: 10_000, kept: { target: /^file \/run\/podferry\/kept/ } });
});
