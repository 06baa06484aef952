/** A real Prometheus scrapes a real coordinator and an agent's metrics, as our PodMonitor says, and has our rules. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as agentMetrics from '../../agent/metrics.ts';
import { type PodMonitor, type ScrapedPod } from '../lab/prometheus-config.ts';
import { type Prometheus, startPrometheus, type Target, untilUp } from '../lab/prometheus.ts';
import { defaultCache } from '../lab/up.ts';
import { type Stage, stage, toB } from '../unit/coordinator/stage.ts';
import { queries, readDashboard, rulesFile } from './dashboard.ts';
import { find, helm, namespace, render } from './rendered.ts';

const host = '127.0.0.1';
let world: Stage;
let closeAgent: () => void;
let prometheus: Prometheus | undefined;
let targets: Target[];

beforeAll(async () => {
  world = await stage();
  await migrate();
  const port = await freePort();
  closeAgent = await agentMetrics.serveMetrics(host, port);
  haveMoved();
  const pod = (component: string, at: number): ScrapedPod => ({
    metadata: {
      name: `${component}-0`,
      namespace,
      labels: { 'app.kubernetes.io/name': 'podferry', 'app.kubernetes.io/component': component },
    },
    spec: {
      nodeName: 'node-a',
      containers: [
        {
          name: component,
          ports: [
            { name: 'grpc', containerPort: 1 },
            { name: 'metrics', containerPort: at },
          ],
        },
      ],
    },
    status: { phase: 'Running', podIP: host },
  });
  const agent = pod('agent', port);
  const pods = [
    agent,
    pod('coordinator', world.coordinator.metricsListen.port),
    // None of these is scraped: it waits for its installer, is somebody else's, or is elsewhere.
    { ...agent, metadata: { ...agent.metadata, name: 'agent-1' }, status: { phase: 'Pending', podIP: host } },
    { ...agent, metadata: { ...agent.metadata, name: 'other', labels: { 'app.kubernetes.io/name': 'other' } } },
    { ...agent, metadata: { ...agent.metadata, name: 'agent-2', namespace: 'elsewhere' } },
  ];
  const objects = await render(await helm(), 'monitoring');
  const podMonitor = find(objects, 'PodMonitor', 'podferry') as unknown as PodMonitor;
  const say = (line: string) => console.error(`chart: ${line}`);
  prometheus = await startPrometheus({ cache: defaultCache(), podMonitor, pods: { pods }, rules: [rulesFile], say });
  targets = await untilUp(prometheus, 2);
});

afterAll(async () => {
  await prometheus?.stop();
  closeAgent?.();
  await world?.close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function migrate(): Promise<void> {
  const call = world.client.Migrate(toB);
  await new Promise((resolve, reject) =>
    call
      .on('data', () => {})
      .on('end', resolve)
      .on('error', reject),
  );
}

/** What an agent counts when a pod has left its node. */
function haveMoved(): void {
  const labels = { strategy: 'stop_and_copy', transport: 'stream' };
  agentMetrics.phaseDuration.observe({ ...labels, phase: 'Dumping' }, 0.04);
  agentMetrics.freezeDuration.observe({ ...labels, outcome: 'Succeeded' }, 0.12);
  agentMetrics.bytesMoved.inc({ direction: 'out', transport: 'stream' }, 1 << 20);
  agentMetrics.sidesEnded.inc({ side: 'source', outcome: 'Succeeded', reason: '' });
  const versions = { agent: '0.1.0', kernel: '6.1', containerd: '2.1', runc: '1.3', criu: '4.2' };
  agentMetrics.nodeInfo.set({ node: 'node-a', ...versions }, 1);
  agentMetrics.ownCertificate.expiresAt = () => Date.now() + 86_400_000;
  agentMetrics.standing.journalled = () => [Date.now() - 5_000];
}

it('scrapes what it should, and says whose it is', () => {
  const labels = Object.fromEntries(targets.map((target) => [target.labels['container'], target.labels]));
  const both = { job: 'podferry', namespace, endpoint: 'metrics' };
  expect(labels['agent']).toMatchObject({ ...both, pod: 'agent-0', node: 'node-a' });
  expect(labels['coordinator']).toMatchObject({ ...both, pod: 'coordinator-0' });
  expect(labels['coordinator']).not.toHaveProperty('node');
});

it('keeps the nodes of which a coordinator speaks', async () => {
  const ready = (await prometheus?.query('podferry_coordinator_agent_ready')) ?? [];
  expect(ready.map(({ metric, value }) => [metric['node'], value])).toEqual([
    ['node-a', 1],
    ['node-b', 1],
  ]);
});

it.each(queries(readDashboard()))('$panel has something to show: $expr', async ({ expr }) => {
  // Rates need a second look.
  await expect.poll(async () => (await prometheus?.query(expr))?.length, { timeout: 10_000 }).toBeGreaterThan(0);
});

it('says what is wrong with a query', async () => {
  await expect(prometheus?.query('sum(')).rejects.toThrow(/refuses.*parse error/);
});

it('can evaluate every rule, and none of the alerts fires', async () => {
  const rules = async () => (await prometheus?.rules()) ?? [];
  await expect
    .poll(async () => (await rules()).map(({ health }) => health), { timeout: 10_000 })
    .not.toContain('unknown');
  expect((await rules()).filter(({ health }) => health !== 'ok')).toEqual([]);
  expect((await rules()).filter(({ state }) => state !== undefined && state !== 'inactive')).toEqual([]);
});
