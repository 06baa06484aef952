/**
 * A name server that moves, and those who ask it by UDP: at the first address that it had, by way of every node that it
 * has left, and at the newest. Nobody asks twice, so nothing may be lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { errorsOf, OpenClients, type Report } from '../clients/open-clients.ts';
import { lookAtPod, open } from '../lab/index.ts';
import { untilListening } from '../subjects/listening.ts';
import { Subjects } from '../subjects/pod.ts';
import { Attempt, kubectlMigrate } from './attempt.ts';
import { settled } from './left-behind.ts';
import { otherThan, type Placed, Pods } from './migrate.ts';
import { unanswered } from './unanswered.ts';

const lab = open();
const pods = new Pods(lab);
let subjects: Subjects;

beforeAll(async () => {
  subjects = await Subjects.prepare(lab, ['dns']);
}, 600_000);
afterAll(async () => await subjects.remove());
afterEach(async () => await pods.remove());

const moves = 3;

it.each(['ip', 'ip6'] as const)(
  `%s: every question is answered, through ${moves} moves`,
  { timeout: 300_000 },
  async (by) => {
    let pod: Placed = await pods.run(subjects.pod('dns', ['dns']));
    const all = [await ask(pod[by])];
    const ids: string[] = [];
    for (let moved = 0; moved < moves; moved += 1) {
      // Datagrams hold nothing: who is asked at an old address answers for as long as that was asked for.
      const attempt = Attempt.start(
        lab,
        pod.name,
        { source: pod.node, target: otherThan(pod.node) },
        '--linger',
        '10m',
      );
      const { id, phase, message, targetSandboxId } = await settled(lab, await attempt.id());
      expect(phase, message ?? '').toBe('Completing');
      ids.push(id);
      const node = otherThan(pod.node);
      pod = { name: pod.name, node, ...(await lookAtPod(lab, node, targetSandboxId)) };
      all.push(await ask(pod[by]));
      const before = await Promise.all(all.map(async (clients) => await clients.look()));
      await expect.poll(async () => await notAnswered(all, before), { timeout: 20_000 }).toEqual([]);
      await sleep(300);
    }
    const reports = await Promise.all(all.map(async (clients) => await clients.stop()));
    expect(reports.flatMap(errorsOf)).toEqual([]);
    for (const id of ids) await kubectlMigrate(lab, 'cancel', id);
  },
);

async function ask(host: string): Promise<OpenClients> {
  const at = subjects.addresses(host, ['dns']);
  await untilListening(lab, at);
  return await OpenClients.open(lab, at, { count: 2 });
}

async function notAnswered(all: readonly OpenClients[], before: readonly Report[][]): Promise<string[]> {
  return (await Promise.all(all.map(async (each, at) => await unanswered(each, before[at] ?? [])))).flat();
}
