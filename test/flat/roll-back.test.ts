/** Two pods have one address until one of them is the pod. Whatever happens to the other: nobody has ever heard of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Attempt } from '../integration/attempt.ts';
import { OpenConnection } from '../integration/open-connection.ts';
import { Part } from '../integration/outage.ts';
import { type Kept, Subject } from '../integration/subject.ts';
import { open } from '../lab/index.ts';

const lab = open();
let subject: Subject;
let connections: OpenConnection[];

beforeEach(async () => {
  subject = await Subject.start(lab);
  connections = [await OpenConnection.busy(lab, subject.pod.ip), await OpenConnection.silent(lab, subject.pod.ip)];
});

afterEach(async () => {
  await closeAll();
  await subject.end();
});

async function closeAll(): Promise<void> {
  await Promise.all(connections.map(async (each) => await each.close()));
}

/** Of the address, as whoever asks for it is told, at a place on the same link. */
async function linkOf(place: 'control' | 'node-a' | 'node-b', ip: string): Promise<string> {
  const device = place === 'control' ? 'pods0' : 'cni0';
  await lab.run(place, ['ip', 'neighbour', 'flush', 'dev', device]);
  const { code } = await lab.exec(place, ['timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${ip}/6379`]);
  expect(code).toBe(0);
  const said = await lab.run(place, ['ip', '-json', 'neighbour', 'show', ip, 'dev', device]);
  return (JSON.parse(said) as { lladdr?: string }[])[0]?.lladdr ?? 'none';
}

async function rolledBack(attempt: Attempt): Promise<void> {
  const { migration, stderr } = await attempt.ended;
  expect(migration, stderr).toMatchObject({ phase: 'RolledBack', network: 'keep-address' });
  await goesOn();
}

/** At the source, under its address. */
async function goesOn(kept: Kept = {}): Promise<void> {
  for (const each of connections) expect(await each.fate()).toBe('goes on');
  await closeAll();
  await subject.ranOnAtSource({ longestGapMs: 12_000, kept });
}

it('while the target waits, and when its CRIU is killed, everybody is told of the source alone', async () => {
  const { ip } = subject.pod;
  const places = ['control', 'node-a', 'node-b'] as const;
  const before = await Promise.all(places.map(async (place) => await linkOf(place, ip)));
  expect(new Set(before).size).toBe(1);
  const attempt = await subject.moveUntilArmed(async () => {
    expect(await lab.run('node-b', ['nft', 'list', 'tables'])).toContain('table bridge podferry-mig-');
    for (let round = 0; round < 3; round += 1) {
      expect(await Promise.all(places.map(async (place) => await linkOf(place, ip)))).toEqual(before);
    }
    await lab.run('node-b', ['pkill', '-KILL', '-x', 'criu']);
    await sleep(500);
  });
  await rolledBack(attempt);
});

it('the agent of the target is killed while its CRIU waits', async () => {
  const agent = await Part.agent(lab, 'node-b');
  const attempt = await subject.moveUntilArmed(async () => {
    agent.kill();
    await agent.startAgain();
  });
  await rolledBack(attempt);
});

it('the agent of the source is killed and stays away: the watchdog lets go what was held', async () => {
  const agent = await Part.agent(lab, 'node-a');
  const attempt = subject.move('--freeze-timeout', '2s');
  await attempt.source('Frozen');
  await subject.frozen();
  agent.kill();
  for (const each of connections) expect(await each.fate()).toBe('goes on');
  await agent.startAgain();
  await rolledBack(attempt);
});

it.each([
  ['source', 'node-a'],
  ['target', 'node-b'],
] as const)('the agent of the %s is killed when it is committed: the target is the pod', async (_side, node) => {
  const agent = await Part.agent(lab, node);
  const attempt = subject.move('--freeze-timeout', '20s');
  await attempt.source('Committed');
  agent.kill();
  await agent.startAgain();
  const ended = await attempt.ended;
  expect(ended.migration, ended.stderr).toMatchObject({ phase: 'Succeeded', network: 'keep-address' });
  for (const each of connections) expect(await each.fate()).toBe('goes on');
  await closeAll();
  await subject.movedToTarget(ended);
});

it('the restore proves impossible: the commit is revoked, and the pod runs on under its address', async () => {
  const attempt = await subject.moveUntilArmed(async (moving) => {
    const bundle = `/run/podferry/target/${await moving.target('Waiting')}/containers/redis/bundle`;
    await lab.run('node-b', ['sh', '-c', `rm "$(readlink ${bundle})/rootfs/usr/bin/redis-server"`]);
  });
  expect((await attempt.ended).migration).toMatchObject({ reason: 'RestoreFailed', committed: false });
  await goesOn({ target: /^file \/run\/podferry\/kept/ });
  await lab.run('node-b', ['rm', '-rf', '/run/podferry/kept']);
});
