/** Agents that are found as pods: they come, go and move while somebody is in the middle of something with them. */
import { CoreV1Api } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Agent } from '../../../coordinator/agents/agent.ts';
import { Agents } from '../../../coordinator/agents/agents.ts';
import { Discovery } from '../../../coordinator/agents/discovery.ts';
import { criCluster } from '../../../coordinator/cluster/cri.ts';
import { Migrations } from '../../../coordinator/migration/migrations.ts';
import { defaultPatience } from '../../../coordinator/migration/patience.ts';
import { Queue } from '../../../coordinator/migration/queue.ts';
import type { Wish } from '../../../coordinator/request.ts';
import { openIdentity } from '../../../proto/identity.ts';
import { FakeAgent } from './fake-agent.ts';
import { FakePods, namespace } from './fake-pods.ts';
import { World } from './fake-world.ts';
import { until } from './until.ts';

const log = pino({ level: process.env['PODFERRY_TEST_LOG'] ?? 'silent' });
const labels = { app: 'agent' };
const toNodeB: Wish = {
  pod: { namespace: 'default', name: 'redis', uid: '' },
  targetNode: 'node-b',
  strategy: 'stop_and_copy',
  transport: 'stream',
  timeoutMs: 10_000,
  freezeTimeoutMs: 2_000,
  lingerMs: 0,
  network: 'NETWORK_UNSPECIFIED',
  connectionLingerMs: 0,
  detach: false,
};
const identity = openIdentity(undefined, log);

let world: World;
let pods: FakePods;
let agents: Agents;
let ends: AbortController;
let discovery: Discovery;
let a: FakeAgent;
let b: FakeAgent;
const fakes: FakeAgent[] = [];
const busy = new Set<string>();

/** All of them listen at the same port, each at an address of its own, as in pods. */
async function agentAt(node: string, host: string, port = 0): Promise<FakeAgent> {
  const agent = new FakeAgent(node, world);
  Object.assign(agent, { host, port });
  await agent.start();
  fakes.push(agent);
  return agent;
}

/** The same agent in a new pod: what it has in its journal lies on its node. */
async function moveAgent(agent: FakeAgent, host: string): Promise<void> {
  agent.stop();
  agent.host = host;
  await agent.start();
}

beforeEach(async () => {
  world = new World();
  world.addPod('node-a');
  pods = new FakePods();
  await pods.start();
  for (const node of ['node-a', 'node-b', 'node-c']) pods.nodes.add(node);
  a = await agentAt('node-a', '127.0.0.11');
  b = await agentAt('node-b', '127.0.0.12', a.port);
  pods.set('agent-a', { node: 'node-a', ip: '127.0.0.11', labels });
  pods.set('agent-b', { node: 'node-b', ip: '127.0.0.12', labels });
  pods.set('stranger', { node: 'node-c', ip: '127.0.0.13', labels: { app: 'other' } });
  ends = new AbortController();
  busy.clear();
  agents = new Agents((node, place) => new Agent(node, place, identity, 1_000), log);
  const config = pods.server.config();
  const kubernetes = { config, core: config.makeApiClient(CoreV1Api) };
  const wanted = { namespace, selector: 'app=agent', port: a.port };
  discovery = new Discovery(kubernetes, wanted, agents, log, 50);
});

afterEach(async () => {
  ends.abort(new Error('the test is over'));
  await discovery.ended();
  agents.close();
  for (const fake of fakes.splice(0)) fake.close();
  await pods.stop();
});

async function discover(): Promise<void> {
  await discovery.start((node) => busy.has(node), ends.signal);
  await Promise.all(agents.all.map(async ({ node }) => await agents.look(node, ends.signal)));
  await until('changes are heard', () => pods.watched);
}

const states = () =>
  Object.fromEntries(agents.all.map(({ node }) => [node, agents.problemOf(node)?.message ?? 'ready']));

it('finds those that there are, and asks none of them before it is told to', async () => {
  await discovery.start(() => false, ends.signal);
  expect(agents.all.map(({ node, address }) => `${node} ${address}`)).toEqual([
    `node-a 127.0.0.11:${a.port}`,
    `node-b 127.0.0.12:${a.port}`,
  ]);
  expect(a.calls).toEqual([]);
  expect(states()).toEqual({ 'node-a': expect.stringContaining('not been asked'), 'node-b': expect.any(String) });
  expect(pods.server.requests[0]).toContain('labelSelector=app%3Dagent');
});

it('asks a new one before it counts', async () => {
  await discover();
  expect(agents.find('node-c')).toBeUndefined();
  pods.set('agent-c', { node: 'node-c', labels });
  await until('it is known', () => agents.find('node-c') !== undefined);
  expect(states()['node-c']).toMatch(/pod agent-c is not running: Pending/);
  expect(agents.states.get('node-c')).toBe('absent');
  await agentAt('node-c', '127.0.0.13', a.port);
  const answered: string[] = [];
  agents.onAnswer(async (node, _facts, came) => {
    if (came) answered.push(node);
  });
  pods.set('agent-c', { ip: '127.0.0.13' });
  await until('it answers', () => agents.problemOf('node-c') === undefined);
  expect(answered).toEqual(['node-c']);
  expect([...agents.states.values()]).toEqual(['ready', 'ready', 'ready']);
});

it('says of one whose pod is gone that it is gone, and takes the next one', async () => {
  await discover();
  const { node, ...before } = { node: 'node-b', agent: agents.get('node-b'), facts: agents.factsOf('node-b') };
  pods.remove('agent-b');
  await until('it is away', () => agents.problemOf(node) !== undefined);
  expect(agents.problemOf(node)).toMatchObject({ reason: 'NodeNotReady', message: "node-b: its agent's pod is gone" });
  // Nor does it need a deadline to say so.
  await expect(before.agent.call('ListPods', {}, ends.signal)).rejects.toMatchObject({
    reason: 'AgentUnreachable',
    message: "ListPods on node-b: its agent's pod is gone",
  });
  expect(agents.factsOf(node)).toBe(before.facts);
  await moveAgent(b, '127.0.0.14');
  pods.set('agent-b2', { node, ip: '127.0.0.14', labels });
  await until('it is back', () => agents.problemOf(node) === undefined);
  expect(agents.get(node)).toBe(before.agent);
  expect(before.agent.address).toBe(`127.0.0.14:${a.port}`);
});

it('forgets one whose node is gone, too, but not while it is needed or the node is there', async () => {
  await discover();
  pods.nodes.delete('node-a');
  busy.add('node-a');
  pods.remove('agent-a');
  pods.remove('agent-b');
  await until('it has asked for both nodes', () => {
    const asked = pods.server.requests.filter((request) => request.includes('/nodes/'));
    return ['node-a', 'node-b'].every((node) => asked.filter((request) => request.endsWith(node)).length > 1);
  });
  expect(Object.keys(states())).toEqual(['node-a', 'node-b']);
  busy.clear();
  await until('node-a is forgotten', () => agents.find('node-a') === undefined);
  expect(Object.keys(states())).toEqual(['node-b']);
});

it('takes, of two in a roll-out, the one that has come to stay', async () => {
  await discover();
  const next = await agentAt('node-b', '127.0.0.14', a.port);
  pods.set('agent-b2', { node: 'node-b', ip: '127.0.0.14', ready: false, labels });
  pods.set('agent-b2', { ready: true });
  await until('the new one is asked', () => next.calls.includes('Facts'));
  pods.set('agent-b', { leaving: true });
  pods.remove('agent-b');
  await until('it is ready', () => agents.problemOf('node-b') === undefined);
  expect(agents.get('node-b').address).toBe(`127.0.0.14:${a.port}`);
});

it('lets a call end that is under way at the old address', async () => {
  await discover();
  const agent = agents.get('node-b');
  b.delays.set('ListPods', 300);
  const asked = agent.call('ListPods', {}, ends.signal);
  await until('it has arrived', () => b.calls.includes('ListPods'));
  await agentAt('node-b', '127.0.0.14', a.port);
  pods.set('agent-b2', { node: 'node-b', ip: '127.0.0.14', labels });
  await until('it has moved', () => agent.address?.startsWith('127.0.0.14') === true);
  expect(await asked).toMatchObject({ pods: [] });
});

it('keeps the last addresses while the API server is away, and learns what it has missed', async () => {
  await discover();
  await pods.stop();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(states()).toEqual({ 'node-a': 'ready', 'node-b': 'ready' });
  await agents.look('node-b', ends.signal);
  expect(states()).toEqual({ 'node-a': 'ready', 'node-b': 'ready' });
  pods.remove('agent-a');
  await moveAgent(b, '127.0.0.14');
  pods.set('agent-b', { ip: '127.0.0.14' });
  pods.forgetVersions();
  await pods.start();
  await until('node-a is away', () => agents.problemOf('node-a') !== undefined);
  await until('node-b has moved', () => agents.get('node-b').address === `127.0.0.14:${a.port}`);
  await until('and answers', () => agents.problemOf('node-b') === undefined);
});

it('waits for an API server that is away at the start, and for a moment takes nobody for gone', async () => {
  await pods.stop();
  const started = discovery.start(() => false, ends.signal);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await pods.start();
  await started;
  expect(agents.all).toHaveLength(2);
  // A DaemonSet may be about to make its pod anew.
  expect(agents.isAway('node-z')).toBe(true);
});

it.each(['a', 'b'] as const)(
  'carries a migration to its end whose agent %s gets another address after the commit',
  async (side) => {
    await discover();
    const queue = new Queue({ perNode: 2, total: 4 });
    const cluster = criCluster(agents, () => 0);
    const patience = { ...defaultPatience, forwardMs: 5_000, firstPauseMs: 20, longestPauseMs: 100 };
    const tally = { refused: () => {}, ended: () => {} };
    const migrations = new Migrations({ agents, cluster, queue, patience, log, tally });
    const moving = { a, b }[side];
    moving.spoil(side === 'a' ? 'ReleaseSource' : 'Restore', 'vanishBefore');
    const record = await migrations.start(toNodeB, ends.signal);
    await until('it has vanished', () => moving.vanished);
    await moveAgent(moving, '127.0.0.14');
    pods.set(`agent-${side}`, { ip: '127.0.0.14' });
    await until('it has ended', () => record.ended);
    expect(record.snapshot()).toMatchObject({ phase: 'Succeeded' });
    expect(world.placesOf()).toEqual(['node-b']);
    expect(world.violations).toEqual([]);
    await migrations.close(0);
  },
);
