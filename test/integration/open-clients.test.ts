/**
 * The clients that are to notice whether a connection of a pod's survives a move, beside pods that do not move: they find
 * nothing wrong while nothing is, and every kind of them notices the end of its connection.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Kind, kinds } from '../clients/bunch.ts';
import { EdgeConnection, edgeCases } from '../clients/edge.ts';
import { errorsOf, OpenClients } from '../clients/open-clients.ts';
import { open } from '../lab/index.ts';
import { Subjects } from '../subjects/pod.ts';
import { type Placed, Pods } from './migrate.ts';
import { untilListening } from '../subjects/listening.ts';

const lab = open();
const pods = new Pods(lab);
let subjects: Subjects;
// Who asks by datagrams has no connection that could end.
const allKinds = (Object.keys(kinds) as Kind[]).filter((kind) => kinds[kind].needs !== 'dns');

// What nobody has built yet takes a minute.
beforeAll(async () => {
  subjects = await Subjects.prepare(lab);
}, 600_000);
afterAll(async () => await subjects.remove());
afterEach(async () => await pods.remove());

const kept = ['redis', 'http', 'postgres', 'ssh'] as const;

async function servers(name: string): Promise<Placed> {
  const pod = await pods.run(subjects.pod(name, kept));
  await untilListening(lab, subjects.addresses(pod.ip, kept));
  return pod;
}

async function edge(): Promise<Placed> {
  const pod = await pods.run(subjects.pod('edge', ['edge']));
  await untilListening(lab, subjects.addresses(pod.ip, ['edge']));
  return pod;
}

/** Of each as many as of all others, and all of them have done something. */
async function work(pod: Placed, count: number): Promise<OpenClients> {
  const clients = await OpenClients.open(lab, subjects.addresses(pod.ip, kept), { count });
  const busy = async () => (await clients.look()).filter(({ kind }) => !/silent|blocked/.test(kind));
  await expect
    .poll(async () => (await busy()).filter(({ exchanges }) => exchanges < 3), { timeout: 20_000 })
    .toEqual([]);
  return clients;
}

it('fifty clients work for a while, and the contents are the same at both ends', async () => {
  const clients = await work(await servers('quiet'), 50);
  await sleep(3_000);
  const reports = await clients.stop();
  expect(errorsOf(reports)).toEqual([]);
  expect(reports).toHaveLength(50);
  expect(new Set(reports.map(({ kind }) => kind))).toEqual(new Set(allKinds));
});

describe('a connection that comes to its end is noticed by every kind', () => {
  it('when it is reset', async () => {
    const pod = await servers('reset');
    const clients = await work(pod, allKinds.length);
    await lab.run(pod.node, [
      'nsenter',
      `--net=/proc/${pod.pid}/ns/net`,
      '--',
      'ss',
      '--kill',
      '--tcp',
      'state',
      'established',
    ]);
    const unaware = (await clients.stop()).filter(({ errors }) => errors.length === 0);
    expect(unaware).toEqual([]);
  });

  it('when the pod is gone', async () => {
    const clients = await work(await servers('gone'), allKinds.length);
    await pods.remove();
    const unaware = (await clients.stop()).filter(({ errors }) => errors.length === 0);
    expect(unaware).toEqual([]);
  });
});

describe('connections in the rarer states', () => {
  it.each(edgeCases)('%s: both ends agree', async (what) => {
    const pod = await edge();
    const connection = await EdgeConnection.open(lab, what, pod.ip);
    expect(await connection.finish(pod.ip)).toMatchObject({ errors: [] });
  });

  it('one that is reset is noticed in every state', async () => {
    const pod = await edge();
    const connections = await Promise.all(
      edgeCases
        .filter((what) => what !== 'datagrams')
        .map(async (what) => await EdgeConnection.open(lab, what, pod.ip)),
    );
    await lab.run(pod.node, ['nsenter', `--net=/proc/${pod.pid}/ns/net`, '--', 'ss', '--kill', '--tcp']);
    const results = await Promise.all(
      connections.map(async (each) => ({ what: each.what, ...(await each.finish(pod.ip)) })),
    );
    expect(results.filter(({ errors }) => errors.length === 0)).toEqual([]);
  });
});
