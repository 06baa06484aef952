/** Open connections survive the move of their pod, and nothing of what goes over them is lost, doubled or changed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EdgeConnection, edgeCases } from '../clients/edge.ts';
import { errorsOf, OpenClients } from '../clients/open-clients.ts';
import { open } from '../lab/index.ts';
import { Subjects } from '../subjects/pod.ts';
import { untilListening } from '../subjects/listening.ts';
import { kubectlMigrate } from './attempt.ts';
import { migrate, move, otherThan, type Placed, Pods } from './migrate.ts';
import { unanswered } from './unanswered.ts';

const lab = open();
const pods = new Pods(lab);
// After the other one below: hooks run from the last to the first.
afterEach(async () => await pods.remove());
let subjects: Subjects;

// What nobody has built yet takes a minute.
beforeAll(async () => {
  subjects = await Subjects.prepare(lab);
}, 600_000);
afterAll(async () => await subjects.remove());
// What a pod has left goes when its last connection has: not at the same time as the test takes it away. One that was half
// closed is forgotten after a minute.
afterEach(async () => {
  const running = async () => (await kubectlMigrate(lab, 'list', '--running')).migration;
  await expect.poll(running, { timeout: 100_000 }).toEqual([]);
});

const kept = ['redis', 'http', 'postgres', 'ssh'] as const;
const lasting = { wait: 'moved', flags: ['--connection-linger', 'unlimited'] } as const;
/** At the deadline of a freeze what is held is let go, wherever the pod is: a busy machine may take longer than usual. */
const patient = { wait: 'moved', flags: [...lasting.flags, '--freeze-timeout', '60s'] } as const;

// CI has time for a few.
const moves = Number(process.env['PODFERRY_MOVES'] ?? 6);
const title = `fifty clients of ten kinds, through ${moves} moves back and forth`;

it(title, { timeout: 120_000 + moves * 60_000 }, async () => {
  const at = (ip: string) => subjects.addresses(ip, kept);
  let pod: Placed = await pods.run(subjects.pod('servers', kept));
  await untilListening(lab, at(pod.ip));
  // As fast as they can, two processors would do nothing else, and what they have written would be most of what moves.
  const clients = await OpenClients.open(lab, at(pod.ip), { count: 50, restMs: 200 });
  for (let moved = 0; moved < moves; moved += 1) {
    await sleep(200);
    pod = await move(lab, pod, patient);
    // Those that work all the time go on being answered, by way of every node that the pod has left.
    const before = await clients.look();
    await expect
      .poll(async () => await unanswered(clients, before), { timeout: 20_000, message: `after move ${moved + 1}` })
      .toEqual([]);
  }
  expect(errorsOf(await clients.stop(at(pod.ip)))).toEqual([]);
});

it('by IPv6, and by sockets that have both IP versions', async () => {
  const at = (ip: string) => subjects.addresses(ip, kept);
  const pod = await pods.run(subjects.pod('servers', kept));
  await untilListening(lab, at(pod.ip6));
  const clients = [
    await OpenClients.open(lab, at(pod.ip6), { count: 20 }),
    await OpenClients.open(lab, at(pod.ip), { count: 10 }),
  ];
  await sleep(500);
  const moved = await move(lab, pod, lasting);
  expect(moved.ip6).not.toBe(pod.ip6);
  await sleep(500);
  const [six = [], four = []] = await Promise.all([clients[0]?.stop(at(moved.ip6)), clients[1]?.stop(at(moved.ip))]);
  expect(errorsOf(six)).toEqual([]);
  expect(errorsOf(four)).toEqual([]);
});

describe('in the rarer states of a connection', () => {
  const carried = edgeCases.filter((what) => !['unaccepted', 'urgent-unread', 'urgent-inline'].includes(what));

  it.each(carried)('%s: both ends agree', async (what) => {
    const pod = await pods.run(subjects.pod('edge', ['edge']));
    await untilListening(lab, subjects.addresses(pod.ip, ['edge']));
    const connection = await EdgeConnection.open(lab, what, pod.ip);
    const moved = await move(lab, pod, lasting);
    expect(await connection.finish(moved.ip)).toMatchObject({ errors: [] });
  });

  it('that nobody has accepted: it is reset, and its peer does not wait', async () => {
    const pod = await pods.run(subjects.pod('edge', ['edge']));
    await untilListening(lab, subjects.addresses(pod.ip, ['edge']));
    const connection = await EdgeConnection.open(lab, 'unaccepted', pod.ip);
    const moved = await move(lab, pod, lasting);
    const { errors } = await connection.finish(moved.ip);
    expect(errors).toContainEqual(expect.stringContaining('outside: ConnectionResetError'));
  });
});

it('a pod that translates its connections itself is refused, unless they may be closed', async () => {
  const pod = await pods.run({ name: 'meshed', image: 'counter' });
  const rules = 'add table ip mesh; add chain ip mesh nat { type nat hook prerouting priority dstnat; }';
  await lab.run(pod.node, ['nsenter', `--net=/proc/${pod.pid}/ns/net`, '--', 'nft', rules]);
  const refused = await migrate(lab, pod.name, otherThan(pod.node));
  expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining('NetworkUnavailable')]);
  const moved = await move(lab, pod, { flags: ['--network', 'close'] });
  expect(moved.migration).toMatchObject({ phase: 'Succeeded', network: 'close' });
});
