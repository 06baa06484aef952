/**
 * Agents that are found as pods, and a leader that a Service finds. The lab's agents and coordinators are no pods: here
 * pods stand for them that do nothing. An agent's is in its node's network, so its address is where the agent listens.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  addressOf,
  apply,
  clientFlags,
  clientIdentity,
  coordinatorIdentity,
  type NodeName,
  open,
  ports,
  runKubectl,
  startCoordinator,
  stopCoordinator,
} from '../lab/index.ts';
import { otherThan } from '../integration/migrate.ts';
import { expectNothingLeft } from './leftovers.ts';
import { barePod, container, podSpec, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
const root = join(import.meta.dirname, '../..');
const own = ['--namespace', 'podferry-system'];
const selector = 'app.kubernetes.io/name=podferry,app.kubernetes.io/component=agent';
const elect = ['--agent-selector', selector, '--leader-elect'];
let other: ChildProcess | undefined;

function partOn(node: NodeName, component: 'agent' | 'coordinator', name: string): object {
  const labels = { 'app.kubernetes.io/name': 'podferry', 'app.kubernetes.io/component': component };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'podferry-system', labels },
    spec: { nodeName: node, hostNetwork: component === 'agent', containers: [container('pause')] },
  };
}

const agentOn = (node: NodeName) => partOn(node, 'agent', `agent-of-${node}`);

beforeEach(async () => {
  await stopCoordinator(lab);
  await runKubectl(lab, ['wait', '--for=create', '--timeout=60s', 'serviceaccount/default', ...own]);
  await apply(lab, [
    ...lab.nodeNames.map(agentOn),
    ...['one', 'two'].map((name) => partOn('node-a', 'coordinator', name)),
  ]);
  await runKubectl(lab, ['wait', '--for=condition=Ready', '--timeout=60s', 'pods', '--all', ...own]);
});

afterEach(async () => {
  if (other?.exitCode === null) other.kill('SIGKILL');
  other = undefined;
  await stopCoordinator(lab, 'SIGKILL');
  await runKubectl(lab, ['delete', 'lease', 'podferry-coordinator', ...own, '--ignore-not-found']);
  await runKubectl(lab, ['delete', 'pods', '--all', '--grace-period=1', '--timeout=60s', ...own]);
  await startCoordinator(lab);
  await runKubectl(lab, ['delete', 'podmigrations', '--all', '--timeout=60s']);
  await workloads.remove();
  await expectNothingLeft(lab);
});

async function migrate(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const cli = join(root, 'coordinator/cli/kubectl-migrate.ts');
  return await lab.exec('control', [process.execPath, cli, ...words, ...clientFlags(lab, clientIdentity)]);
}

/** NODE: where its agent is, or why it is absent. */
async function nodes(): Promise<Record<string, string>> {
  const { stdout } = await migrate('nodes', '-o', 'json');
  const all = JSON.parse(stdout || '[]') as { name: string; ready: boolean; address: string; message?: string }[];
  return Object.fromEntries(all.map(({ name, ready, address, message }) => [name, ready ? address : (message ?? '')]));
}

async function ofMetrics(name: string): Promise<string[]> {
  const url = `http://${addressOf('control')}:${ports.coordinatorMetrics}/metrics`;
  const ask = `console.log(await (await fetch('${url}')).text())`;
  const argv = [process.execPath, '--input-type=module', '-e', ask];
  const text = await lab.run('control', argv, { env: { ...process.env, NO_PROXY: '*', no_proxy: '*' } });
  return text.split('\n').filter((line) => line.startsWith(name));
}

/** Pods that a Service would send clients to. */
async function leaders(): Promise<string> {
  const path = 'jsonpath={.items[*].metadata.name}';
  return await runKubectl(lab, ['get', 'pods', '-l', 'podferry.dev/leads=true', '-o', path, ...own]);
}

const found = Object.fromEntries(lab.nodeNames.map((node) => [node, `${addressOf(node)}:${ports.agent}`]));
const soon = { timeout: 20_000, interval: 250 };

it('a pod moves between nodes whose agents were found, and to one whose agent was gone for a while', async () => {
  await startCoordinator(lab, { without: ['agents'], args: elect });
  await expect.poll(nodes, soon).toEqual(found);
  await workloads.make(barePod('counter', podSpec([container('counter')])));
  const { name, node } = await thePodOf(lab, 'counter');
  const target = otherThan(node);
  const there = await migrate(name, '--to', target, '--linger', '100ms');
  expect(there, there.stderr).toMatchObject({ code: 0 });

  const moved = await thePodOf(lab, 'counter');
  expect(moved.node).toBe(target);
  const gone = `agent-of-${node}`;
  await runKubectl(lab, ['delete', 'pod', gone, '--grace-period=1', '--timeout=60s', ...own]);
  await expect.poll(nodes, soon).toEqual({ ...found, [node]: `${node}: its agent's pod is gone` });
  expect((await ofMetrics('podferry_coordinator_')).filter((line) => /_leading|_agents/.test(line))).toEqual([
    'podferry_coordinator_leading 1',
    `podferry_coordinator_agents{state="ready"} ${lab.nodeNames.length - 1}`,
    'podferry_coordinator_agents{state="absent"} 1',
  ]);
  const refused = await migrate(moved.name, '--to', node);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain(`NodeNotReady: ${node}: its agent's pod is gone`);

  await apply(lab, [agentOn(node)]);
  await expect.poll(nodes, soon).toEqual(found);
  const back = await migrate(moved.name, '--to', node, '--linger', '100ms');
  expect(back, back.stderr).toMatchObject({ code: 0 });
  expect((await thePodOf(lab, 'counter')).node).toBe(node);
});

it('the pod of the coordinator that leads has the label, alone, also when the one before was killed', async () => {
  await runKubectl(lab, ['label', 'pod', 'two', 'podferry.dev/leads=true', ...own]);
  await startCoordinator(lab, { without: ['agents'], args: [...elect, '--pod', 'one'] });
  await expect.poll(leaders, soon).toBe('one');
  const kubeconfig = ['--kubeconfig', lab.layout.kubeconfig('podferry-coordinator')];
  const tls = ['--tls-dir', lab.layout.tlsOf(coordinatorIdentity)];
  const listen = ['--listen', `${addressOf('control')}:7543`, '--metrics-listen', `${addressOf('control')}:7544`];
  const argv = [join(root, 'coordinator/main.ts'), ...kubeconfig, ...tls, ...listen, ...elect, '--pod', 'two'];
  other = lab.spawn('control', [process.execPath, ...argv], { stdio: 'ignore' });
  await stopCoordinator(lab, 'SIGKILL');
  expect(await leaders()).toBe('one');
  await expect.poll(leaders, { timeout: 40_000, interval: 250 }).toBe('two');
  other.kill('SIGTERM');
  await expect.poll(leaders, soon).toBe('');
});

it('Podferry does not move its own pods, and says so', async () => {
  await startCoordinator(lab, { without: ['agents'], args: elect });
  await expect.poll(nodes, soon).toEqual(found);
  for (const [name, part] of [
    ['one', 'coordinator'],
    ['agent-of-node-a', 'agent'],
  ] as const) {
    const { code, stderr } = await migrate(name, '-n', 'podferry-system', '--to', 'node-b');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(new RegExp(`RuntimeUnsupported: pod podferry-system/${name} is Podferry's own ${part}`));
  }
  const { stdout } = await migrate('node/node-a', '--dry-run', '-n', 'podferry-system');
  expect(stdout).toMatch(/^node-a: 0 of 3 pods can move, 3 stay/m);
});
