/**
 * Whatever fails while a pod moves with open connections, none of them hangs: it goes on, where the pod is by then, or
 * both its ends are told that it is over. Nothing that was acknowledged is lost, and nothing is left behind.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookAtPod, open, removePod } from '../lab/index.ts';
import type { Attempt } from './attempt.ts';
import { settled } from './left-behind.ts';
import type { Migration } from './migrate.ts';
import { OpenConnection } from './open-connection.ts';
import { Part } from './outage.ts';
import { Subject } from './subject.ts';

const lab = open();
let subject: Subject;
let busy: OpenConnection;
let silent: OpenConnection;
let coordinator: Part;

beforeEach(async () => {
  subject = await Subject.start(lab);
  busy = await OpenConnection.busy(lab, subject.pod.ip);
  silent = await OpenConnection.silent(lab, subject.pod.ip);
  coordinator = await Part.coordinator(lab);
});

afterEach(async () => {
  await closeBoth();
  await subject.end();
});

async function closeBoth(): Promise<void> {
  await Promise.all([busy.close(), silent.close()]);
}

// At the deadline of a freeze what is held is let go, wherever the pod is, and may be refused: agents start before that.
const flags = ['--connection-linger', '10m', '--freeze-timeout', '20s'] as const;

/** Begins to move it, and does something at a moment of its course. */
type Moment = (act: () => Promise<void>) => Promise<Attempt>;

const moments: Record<string, Moment> = {
  'when all is armed': async (act) => await subject.moveUntilArmed(act, ...flags),
  'when packets are held and the freeze begins': async (act) => {
    const attempt = subject.move(...flags);
    await attempt.source('Frozen');
    await act();
    return attempt;
  },
  'while the pod is frozen': async (act) => {
    const attempt = subject.move(...flags);
    await attempt.source('Frozen');
    await subject.frozen();
    await act();
    return attempt;
  },
  'when all is sent': async (act) => {
    const attempt = subject.move(...flags);
    await attempt.source('Frozen');
    coordinator.signal('SIGSTOP');
    await attempt.source('Sent');
    await act();
    coordinator.signal('SIGCONT');
    return attempt;
  },
  'when it is committed, and nothing has been passed on': async (act) => {
    const attempt = subject.move(...flags);
    await attempt.source('Committed');
    await act();
    return attempt;
  },
  'while only connections are waited for': async (act) => {
    const attempt = subject.move(...flags);
    await moved(attempt);
    await act();
    return attempt;
  },
};

async function moved(attempt: Attempt): Promise<Migration> {
  const migration = await settled(lab, await attempt.id());
  expect(migration).toMatchObject({ phase: 'Completing', committed: true });
  return migration;
}

/** Wherever the pod is by then, both connections go on there, and it is well. */
async function bothGoOn(attempt: Attempt): Promise<void> {
  const { phase, targetIp } = await settled(lab, await attempt.id());
  expect(await Promise.all([busy.fate(), silent.fate()])).toEqual(['goes on', 'goes on']);
  if (phase === 'Completing') subject.follow(targetIp);
  await closeBoth();
  const ended = await attempt.ended;
  if (phase === 'RolledBack') return await subject.ranOnAtSource({ longestGapMs: 12_000 });
  expect(ended.migration, ended.stderr).toMatchObject({ phase: 'Succeeded' });
  await subject.movedToTarget(ended);
}

describe.each([
  ['source', 'node-a'],
  ['target', 'node-b'],
] as const)('the agent of the %s is killed and started again: both connections go on', (_side, node) => {
  it.each(Object.entries(moments))('%s', async (_when, moment) => {
    const agent = await Part.agent(lab, node);
    const attempt = await moment(async () => {
      agent.kill();
      await agent.startAgain();
    });
    await bothGoOn(attempt);
  });
});

it('the agent of the source is killed and stays away: the watchdog lets go what was held', async () => {
  const agent = await Part.agent(lab, 'node-a');
  const attempt = subject.move('--freeze-timeout', '2s');
  await attempt.source('Frozen');
  await subject.frozen();
  agent.kill();
  expect(await Promise.all([busy.fate(), silent.fate()])).toEqual(['goes on', 'goes on']);
  await agent.startAgain();
  await bothGoOn(attempt);
});

it('the coordinator is killed while only connections are waited for: the next one waits for them', async () => {
  const attempt = subject.move(...flags);
  await moved(attempt);
  coordinator.kill();
  await coordinator.startAgain();
  await bothGoOn(attempt);
});

describe('while only connections are waited for', () => {
  it('somebody removes what the pod has left: it is over', async () => {
    const attempt = subject.move(...flags);
    const { targetIp } = await moved(attempt);
    subject.follow(targetIp);
    await removePod(lab, 'node-a', subject.pod.podId);
    const ended = await attempt.ended;
    expect(ended.migration, ended.stderr).toMatchObject({ phase: 'Succeeded' });
    await subject.movedToTarget(ended);
  });

  it('the pod’s processes are killed at the target: their clients are told, and it is over', async () => {
    const attempt = subject.move(...flags);
    const { targetSandboxId } = await moved(attempt);
    const { pid } = await lookAtPod(lab, 'node-b', targetSandboxId);
    await lab.run('node-b', ['kill', '-KILL', String(pid)]);
    for (const fate of await Promise.all([busy.ended(), silent.ended()])) expect(fate).toMatch(/^(closed|reset)$/);
    expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
    await subject.clearedWithin(10_000);
  });

  it('the pod is removed at the target: the same', async () => {
    const attempt = subject.move(...flags);
    const { targetSandboxId } = await moved(attempt);
    await removePod(lab, 'node-b', targetSandboxId);
    for (const fate of await Promise.all([busy.ended(), silent.ended()])) expect(fate).toMatch(/^(closed|reset)$/);
    expect((await attempt.ended).migration).toMatchObject({ phase: 'Succeeded' });
    await subject.clearedWithin(10_000);
  });

  it('the target cannot be reached: clients are told when their time is over', async () => {
    const attempt = subject.move('--connection-linger', '8s');
    const { targetIp } = await moved(attempt);
    subject.follow(targetIp);
    await lab.unplug('node-b');
    expect(await Promise.all([busy.ended(20_000), silent.ended(20_000)])).toEqual(['reset', 'reset']);
    await lab.plugIn('node-b');
    const ended = await attempt.ended;
    expect(ended.migration, ended.stderr).toMatchObject({ phase: 'Succeeded' });
    await subject.movedToTarget(ended);
  });

  it('the source cannot be reached for a while: they go on when it can', async () => {
    const attempt = subject.move(...flags);
    await moved(attempt);
    await lab.unplug('node-a');
    await sleep(4_000);
    await lab.plugIn('node-a');
    await bothGoOn(attempt);
  });

  it('the kernel’s table of connections is full: these go on', async () => {
    const attempt = subject.move(...flags);
    await moved(attempt);
    const netns = `--net=${await netnsOf(attempt)}`;
    const answer = await lab.run('node-a', ['nsenter', netns, '--', 'perl', '-e', fillTable]);
    const [count = 0, most = Number.NaN] = answer.trim().split(' ').map(Number);
    expect(count).toBeGreaterThan(0.99 * most);
    await sleep(500);
    await bothGoOn(attempt);
  });
});

async function netnsOf(attempt: Attempt): Promise<string> {
  const file = `/run/podferry/source/${await attempt.id()}/redirection.json`;
  return (JSON.parse(await lab.run('node-a', ['cat', file])) as { netns: string }).netns;
}

/** Datagrams to nobody, each from and to another port; says how many the table has, and how many it can have. */
const fillTable = `
use strict; use Socket;
sub number { open(my $file, '<', "/proc/sys/net/netfilter/nf_conntrack_$_[0]") or die "$_[0]: $!\\n"; return 0 + <$file> }
my $most = number('max');
socket(my $out, AF_INET, SOCK_DGRAM, 0) or die "$!\\n";
ROUND: for my $host (1 .. 20) {
  my $address = inet_aton("127.0.1.$host");
  for my $port (1 .. 65535) { send($out, 'x', 0, pack_sockaddr_in($port, $address)) }
  last ROUND if number('count') >= $most - 100;
}
print number('count'), " $most\\n";
`;
