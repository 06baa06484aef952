/** On a network that lets addresses move a pod takes its own along: clients notice nothing, and nothing stays behind. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorsOf, OpenClients, type Report } from '../clients/open-clients.ts';
import { Client } from '../integration/client.ts';
import { changesSince, inventoryOf } from '../integration/inventory.ts';
import { migrate, move, type Moved, type Placed, Pods, withCri } from '../integration/migrate.ts';
import { OpenConnection } from '../integration/open-connection.ts';
import { ask, type Lab, type NodeName, open, startCoordinator, stopCoordinator } from '../lab/index.ts';
import { untilListening } from '../subjects/listening.ts';
import { Subjects } from '../subjects/pod.ts';
import type { Call } from '../workloads/connections.ts';

const lab = open();
const pods = new Pods(lab);
afterEach(async () => await pods.remove());

const moves = 6;
const soon = { timeout: 10_000 };
/** Which nobody waits for: there is nothing to be waited for. */
const unlimited = { linger: '10m', flags: ['--connection-linger', 'unlimited'] } as const;

describe('back and forth', () => {
  it('two connections go on and no new one is refused, by one address, and no node shows a trace', async () => {
    // What an agent opens for its first one it keeps.
    await move(lab, await pods.run({ name: 'first', image: 'counter' }));
    await pods.remove();
    const before = await inventoryOf(lab);
    let redis: Placed = await pods.run({ name: 'redis', image: 'redis' });
    const set = async () => (await lab.exec('node-b', ['redis-cli', '-h', redis.ip, 'set', 'key', 'value'])).stdout;
    await expect.poll(set, soon).toBe('OK\n');
    const [busy, silent] = [await OpenConnection.busy(lab, redis.ip), await OpenConnection.silent(lab, redis.ip)];
    for (let moved = 0; moved < moves; moved += 1) {
      const [left, answers] = [redis, busy.answers.length];
      redis = await move(lab, left, unlimited);
      expect(redis).toMatchObject({ ip: left.ip, ip6: left.ip6, podId: expect.not.stringMatching(left.podId) });
      expect((redis as Moved).migration).toMatchObject({
        network: 'keep-address',
        networkReason: 'kept, with its address',
      });
      expect(await sandboxes(lab, left.node)).not.toContain(left.podId);
      await expect.poll(() => busy.answers.length, soon).toBeGreaterThan(answers + 20);
      for (const node of lab.nodeNames) {
        expect(await lab.run(node, ['redis-cli', '-h', redis.ip, 'get', 'key'])).toBe('value\n');
        expect(await lab.run(node, ['nft', 'list', 'ruleset'])).toBe('');
      }
    }
    expect(await Promise.all([busy.fate(), silent.fate()])).toEqual(['goes on', 'goes on']);
    await Promise.all([busy.close(), silent.close()]);
    await pods.remove();
    expect(await changesSince(lab, before)).toEqual({});
  });

  it('of clients that call all the time each is answered, and by the same counter', async () => {
    let pod: Placed = await pods.run({ name: 'busy', image: 'counter' });
    await expect.poll(async () => await ask(lab, pod.ip).catch(String), soon).toMatch(/^[0-9]+/);
    const caller = Client.start(lab, 'call', pod.ip, 8080, '--timeout', 4_000);
    await expect.poll(() => caller.events.length, soon).toBeGreaterThan(50);
    for (let moved = 0; moved < moves; moved += 1) {
      pod = await move(lab, pod, unlimited);
      const calls = caller.events.length;
      await expect.poll(() => caller.events.length, soon).toBeGreaterThan(calls + 20);
    }
    const calls = await caller.stop();
    expect(calls.filter(({ how }) => how !== 'answered')).toEqual([]);
    expect(isRising(calls)).toBe(true);
  });

  it('datagrams are answered by the same socket', async () => {
    let pod: Placed = await pods.run({ name: 'datagrams', image: 'datagrams' });
    const client = Client.start(lab, 'datagrams', pod.ip, 8080);
    await expect.poll(() => client.events.length, soon).toBeGreaterThan(20);
    for (let moved = 0; moved < 2; moved += 1) {
      pod = await move(lab, pod, unlimited);
      const known = client.events.length;
      await expect.poll(() => client.events.length, soon).toBeGreaterThan(known + 20);
    }
    const counts = (await client.stop()).sort((a, b) => a.sent - b.sent).flatMap(({ answer }) => answer ?? []);
    expect(counts.map(Number)).toEqual(counts.map(Number).sort((a, b) => a - b));
  });

  describe('a pod of several containers', () => {
    const servers = ['redis', 'http', 'postgres', 'ssh'] as const;
    let subjects: Subjects;
    // What nobody has built yet takes a minute.
    beforeAll(async () => {
      subjects = await Subjects.prepare(lab, servers);
    }, 600_000);
    afterAll(async () => await subjects.remove());

    it.each(['ip', 'ip6'] as const)('clients of ten kinds, by %s', { timeout: 600_000 }, async (version) => {
      let pod: Placed = await pods.run(subjects.pod('servers', servers));
      const addresses = subjects.addresses(pod[version], servers);
      await untilListening(lab, addresses);
      const clients = await OpenClients.open(lab, addresses, { count: 20 });
      for (let moved = 0; moved < 3; moved += 1) {
        await sleep(200);
        pod = await move(lab, pod, unlimited);
        const before = await clients.look();
        await expect.poll(async () => await unanswered(clients, before), { timeout: 20_000 }).toEqual([]);
      }
      expect(errorsOf(await clients.stop(addresses))).toEqual([]);
    });
  });
});

describe('the address stays', () => {
  it('where translate is asked for, also of a pod that has taken its own along before', async () => {
    const pod = await move(lab, await pods.run({ name: 'redis', image: 'redis' }));
    const connection = await OpenConnection.busy(lab, pod.ip);
    const moved = await move(lab, pod, { wait: 'moved', flags: ['--network', 'translate'] });
    expect(moved.ip).not.toBe(pod.ip);
    expect(await connection.fate()).toBe('goes on');
    await connection.close();
  });

  it('where nobody has said that it can move: asked for it is refused, and nothing is touched', async () => {
    await withCoordinator({ without: ['address-annotation'] }, async () => {
      const pod = await pods.run({ name: 'counter', image: 'counter' });
      const before = await inventoryOf(lab, { strict: true });
      const { code, stderr } = await migrate(lab, pod.name, 'node-b', { flags: ['--network', 'keep-address'] });
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringMatching(/NetworkUnavailable.*--address-annotation/s),
      });
      expect(await changesSince(lab, before, { strict: true })).toEqual({});
      expect(await move(lab, pod)).toMatchObject({ migration: { network: 'translate' } });
    });
  });

  it('where the network does not go by the annotation: the pod runs on, and is reached as before', async () => {
    await withCoordinator({ args: ['--address-annotation', 'example.org/addresses'] }, async () => {
      const pod = await pods.run({ name: 'counter', image: 'counter' });
      await expect.poll(async () => await ask(lab, pod.ip).catch(String), soon).toMatch(/^[0-9]+/);
      const before = await inventoryOf(lab);
      const { migration } = await migrate(lab, pod.name, 'node-b');
      const message = expect.stringMatching(/was given .* instead of .*example\.org\/addresses/s) as string;
      expect(migration).toMatchObject({ phase: 'RolledBack', reason: 'TargetPrepareFailed', message });
      expect(Number(await ask(lab, pod.ip))).toBeGreaterThan(0);
      expect(await changesSince(lab, before)).toEqual({});
    });
  });
});

async function withCoordinator(
  options: Parameters<typeof startCoordinator>[1],
  act: () => Promise<void>,
): Promise<void> {
  await stopCoordinator(lab);
  await startCoordinator(lab, options);
  try {
    await act();
  } finally {
    await stopCoordinator(lab);
    await startCoordinator(lab);
  }
}

async function sandboxes(of: Lab, node: NodeName): Promise<string[]> {
  return (await withCri(of, node, async (cri) => await cri.listPodSandbox({}))).items.map(({ id }) => id);
}

/** Two that end in the same moment may be told in either order. */
function isRising(calls: readonly Call[]): boolean {
  const answers = [...calls].sort((a, b) => a.ended - b.ended).map(({ answer }) => Number(answer));
  return answers.every((answer, at) => answer >= (answers[at - 1] ?? 0) - 1);
}

async function unanswered(clients: OpenClients, before: readonly Report[]): Promise<string[]> {
  const now = await clients.look();
  return now.flatMap(({ kind, exchanges, errors }, number) => {
    const idle = /silent|blocked/.test(kind) || exchanges > (before[number]?.exchanges ?? 0);
    return errors.length > 0 || !idle ? [`${kind} (${number}): ${errors.join('; ') || 'no answer'}`] : [];
  });
}
