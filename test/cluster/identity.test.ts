/**
 * Agents of a real cluster get their certificates from the coordinator, with tokens that kubelet has put into pods of
 * theirs; the agents themselves are the lab's. A pod moves between them, also while one authority follows another.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1ConfigMap, V1Pod, V1Secret } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { certificatesIn } from '../../proto/bundle.ts';
import {
  addressOf,
  apply,
  type NodeName,
  open,
  ports,
  runKubectl,
  startCoordinator,
  startServices,
  startAgent,
  stopAgent,
  stopCoordinator,
} from '../lab/index.ts';
import { otherThan } from '../integration/migrate.ts';
import type { Reply, Request } from './ask-authority.ts';
import { expectNothingLeft } from './leftovers.ts';
import { barePod, container, namespace, podSpec, type Placed, thePodOf, Workloads } from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
const own = 'podferry-system';
const authority = `${addressOf('control')}:${ports.coordinator}`;
const podOf = (node: NodeName) => `agent-${node}`;
/** Beside the agents' own things, in their nodes. */
const identityInNode = '/run/podferry-identity';
const trustInNode = '/run/podferry-trust.crt';

const account = (name: string) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: own } });

/** In the place of a DaemonSet's: kubelet gives it what an agent is given. */
const agentPod = (node: NodeName) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: podOf(node), namespace: own },
  spec: {
    nodeName: node,
    serviceAccountName: 'podferry-agent',
    terminationGracePeriodSeconds: 1,
    containers: [container('counter', { volumeMounts: [{ name: 'identity', mountPath: '/identity' }] })],
    volumes: [
      {
        name: 'identity',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', audience: 'podferry', expirationSeconds: 600 } },
            { configMap: { name: 'podferry-trust' } },
          ],
        },
      },
    ],
  },
});

async function get<T>(what: string): Promise<T> {
  return JSON.parse(await runKubectl(lab, ['get', what, '-n', own, '-o', 'json'])) as T;
}

async function trust(): Promise<string> {
  return (await get<V1ConfigMap>('configmap/podferry-trust')).data?.['ca.crt'] ?? '';
}

async function signs(): Promise<string> {
  const { data } = await get<V1Secret>('secret/podferry-authority');
  return Buffer.from(data?.['tls.crt'] ?? '', 'base64').toString();
}

/** Where kubelet puts what is projected into a pod. */
async function volumeOf(node: NodeName): Promise<string> {
  const { metadata } = await get<V1Pod>(`pod/${podOf(node)}`);
  return `/var/lib/kubelet/pods/${metadata?.uid}/volumes/kubernetes.io~projected/identity`;
}

async function runAgentPods(): Promise<void> {
  await apply(lab, lab.nodeNames.map(agentPod));
  const pods = lab.nodeNames.map((node) => `pod/${podOf(node)}`);
  await runKubectl(lab, ['wait', '--for=condition=Ready', '-n', own, '--timeout=60s', ...pods]);
}

async function startAgents(caFile: (volume: string) => string): Promise<void> {
  await Promise.all(
    lab.nodeNames.map(async (node) => {
      const volume = await volumeOf(node);
      const flags = { authority, 'token-file': join(volume, 'token'), 'ca-file': caFile(volume) };
      const args = Object.entries({ ...flags, 'tls-dir': identityInNode }).flatMap(([name, value]) => [
        `--${name}`,
        value,
      ]);
      await startAgent(lab, node, { args });
    }),
  );
}

async function startOwn(...args: string[]): Promise<void> {
  await startCoordinator(lab, { without: ['tls-dir'], args: ['--authority', 'own', ...args] });
  await runKubectl(lab, ['wait', '--for=create', '-n', own, '--timeout=30s', 'configmap/podferry-trust']);
}

async function stopAll(): Promise<void> {
  await stopCoordinator(lab);
  await Promise.all(lab.nodeNames.map(async (node) => await stopAgent(lab, node)));
}

async function move(name: string, { name: pod, node }: Placed, lingerSeconds = 1): Promise<() => Promise<Placed>> {
  const spec = { sourcePod: { name: pod }, targetNode: otherThan(node), lingerSeconds };
  await apply(lab, [
    { apiVersion: 'podferry.dev/v1alpha1', kind: 'PodMigration', metadata: { name, namespace }, spec },
  ]);
  return async () => {
    await runKubectl(lab, ['wait', '--for=condition=Succeeded', `pm/${name}`, '--timeout=100s']);
    const moved = await thePodOf(lab, 'counter');
    expect(moved.node).toBe(otherThan(node));
    return moved;
  };
}

async function counter(): Promise<Placed> {
  await workloads.make(barePod('counter', podSpec([container('counter')])));
  return await thePodOf(lab, 'counter');
}

beforeAll(async () => {
  await stopAll();
  await apply(lab, ['podferry-agent', 'somebody'].map(account));
});

afterEach(async () => {
  await runKubectl(lab, ['delete', 'podmigrations', '--all', '--timeout=60s']);
  await workloads.remove();
  await expectNothingLeft(lab);
  await stopAll();
  await runKubectl(lab, ['delete', 'pods', '--all', '-n', own, '--grace-period=1', '--timeout=60s']);
  await runKubectl(lab, ['delete', '-n', own, 'secret/podferry-authority', 'configmap/podferry-trust']);
  for (const node of lab.nodeNames) await lab.run(node, ['rm', '-rf', identityInNode, trustInNode]);
});

afterAll(async () => {
  await runKubectl(lab, ['delete', '-n', own, 'serviceaccount', 'podferry-agent', 'somebody']);
  await startServices(lab);
});

describe('with an authority of its own', () => {
  beforeEach(async () => {
    await startOwn();
    await runAgentPods();
  });

  it('a pod moves between agents that nobody has made certificates for', async () => {
    await startAgents((volume) => join(volume, 'ca.crt'));
    const back = await (await move('there', await counter()))();
    await (await move('and-back', back))();
    const names = async (node: NodeName) =>
      await lab.run(node, ['openssl', 'x509', '-in', `${identityInNode}/tls.crt`, '-noout', '-ext', 'subjectAltName']);
    expect(await names('node-a')).toContain('DNS:node-a.agent.podferry');
    expect(await names('node-b')).toContain('DNS:node-b.agent.podferry');
  });

  it('a certificate is for the node of the pod that a token is bound to, and for no other token', async () => {
    const said = await trust();
    const ask = async (token: string): Promise<Reply> => {
      const request: Request = { authority, token: token.trim(), trust: said };
      const argv = [process.execPath, join(import.meta.dirname, 'ask-authority.ts')];
      return JSON.parse(await lab.run('control', argv, { stdin: JSON.stringify(request) })) as Reply;
    };
    const tokenOf = async (of: string, ...flags: string[]) =>
      await runKubectl(lab, ['create', 'token', of, '-n', own, ...flags]);
    const forUs = ['--audience', 'podferry'];
    const bound = (pod: string) => ['--bound-object-kind', 'Pod', '--bound-object-name', pod];

    for (const node of lab.nodeNames) {
      const projected = await lab.run(node, ['cat', join(await volumeOf(node), 'token')]);
      expect(await ask(projected)).toEqual({ names: `DNS:${node}.agent.podferry` });
    }
    const onB = await tokenOf('podferry-agent', ...forUs, ...bound('agent-node-b'));
    expect(await ask(onB)).toEqual({ names: 'DNS:node-b.agent.podferry' });

    expect(await ask(await tokenOf('podferry-agent', ...bound('agent-node-b')))).toMatchObject({
      reason: 'Unauthenticated',
    });
    expect(await ask(await tokenOf('podferry-agent', ...forUs))).toMatchObject({
      reason: 'PermissionDenied',
      message: expect.stringContaining('not bound to a pod'),
    });
    const others = { ...agentPod('node-a'), metadata: { name: 'somebody', namespace: own } };
    await apply(lab, [{ ...others, spec: { ...others.spec, serviceAccountName: 'somebody' } }]);
    expect(await ask(await tokenOf('somebody', ...forUs, ...bound('somebody')))).toMatchObject({
      reason: 'PermissionDenied',
      message: expect.stringContaining('agents are ServiceAccount podferry-agent'),
    });

    // The API server itself knows that the pod is gone, ten seconds later at most.
    await runKubectl(lab, ['delete', 'pod', 'agent-node-b', '-n', own, '--grace-period=1', '--timeout=60s']);
    await runAgentPods();
    await expect.poll(async () => await ask(onB), { timeout: 40_000, interval: 1_000 }).toHaveProperty('reason');
    expect(await ask(onB)).toMatchObject({ reason: expect.stringMatching(/Unauthenticated|PermissionDenied/) });
  });
});

it('a pod moves while one authority follows another', { timeout: 180_000 }, async () => {
  // In a minute what takes a year. Kubelet would take too long to bring the trust, so it is brought in its place.
  await startOwn('--authority-lifetime', '54s', '--certificate-lifetime', '9s', '--trust-delay', '8s');
  await runAgentPods();
  const bring = async () => {
    const text = await trust();
    for (const node of lab.nodeNames) writeFileSync(join(lab.node(node).root, trustInNode), text);
  };
  await bring();
  const bringing = setInterval(() => void bring().catch(() => {}), 1_000);
  try {
    await startAgents(() => trustInNode);
    const first = await signs();
    const placed = await counter();
    const trusted = async () => certificatesIn(await trust()).length;
    await expect.poll(trusted, { timeout: 60_000, interval: 500 }).toBe(2);
    expect(await signs()).toBe(first);
    // It goes on until after the turn.
    const arrives = await move('meanwhile', placed, 16);
    await expect.poll(signs, { timeout: 30_000, interval: 500 }).not.toBe(first);
    const running = await runKubectl(lab, ['get', 'pm/meanwhile', '-o', 'jsonpath={.status.phase}']);
    expect(['Completing', 'CuttingOver']).toContain(running);
    const moved = await arrives();
    await expect.poll(trusted, { timeout: 40_000, interval: 500 }).toBe(1);
    expect(certificatesIn(await trust())).not.toContain(first.trim());
    await (await move('afterwards', moved))();
  } finally {
    clearInterval(bringing);
  }
});
