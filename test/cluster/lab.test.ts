/** The lab's Kubernetes does what any other does: a test beside this one that fails is then not the lab's fault. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type KubectlOptions, type NodeName, open, type Place, runKubectl, status } from '../lab/index.ts';
import {
  clusterIpOf,
  container,
  deployment,
  execIn,
  logsOf,
  namespace,
  podSpec,
  service,
  thePodOf,
  Workloads,
} from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);

const kubectl = async (words: string, options: KubectlOptions = {}) =>
  (await runKubectl(lab, words.split(' '), options)).trim();
const shell = async (pod: string, script: string) => (await execIn(lab, pod, ['sh', '-euc', script])).trim();
const redisOn = (name: string, node: NodeName) =>
  deployment(name, podSpec([container('redis')], { nodeSelector: { 'kubernetes.io/hostname': node } }));

/** What a Redis answers a client in some place. */
async function ping(from: Place, address: string): Promise<string> {
  const script = String.raw`exec 3<>"/dev/tcp/$0/6379" && printf 'PING\r\nQUIT\r\n' >&3 && cat <&3`;
  return await lab.run(from, ['bash', '-c', script, address], { signal: AbortSignal.timeout(5_000) });
}

afterEach(async () => await workloads.remove());

describe('the cluster', () => {
  it('has every part running and every node ready', async () => {
    const { kubernetes, nodes, coordinator } = await status(lab.name);
    const own = { kubelet: true, 'kube-proxy': true };
    expect(nodes).toEqual(
      lab.nodeNames.map((name) => expect.objectContaining({ name, containerd: true, agent: true, kubernetes: own })),
    );
    expect(Object.values(kubernetes?.parts ?? {})).toEqual([true, true, true, true]);
    expect(coordinator).toBe(true);
    const ready = await kubectl('get nodes -o jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}');
    expect(ready.split(' ')).toEqual(lab.nodeNames.map(() => 'True'));
  });

  it('is of the version that was asked for', async () => {
    const version = JSON.parse(await kubectl('version -o json')) as Record<string, { gitVersion: string }>;
    const wanted = expect.objectContaining({ gitVersion: `v${lab.kubernetes?.version}` });
    expect(version).toMatchObject({ clientVersion: wanted, serverVersion: wanted });
  });

  it('knows our handler', async () => {
    expect(await kubectl('get runtimeclass podferry -o jsonpath={.handler}')).toBe('podferry');
  });

  it('knows the coordinator by its name and group, and lets it do what it is for and no more', async () => {
    const as = 'podferry-coordinator';
    const { userInfo } = (
      JSON.parse(await kubectl('auth whoami -o json', { as })) as {
        status: { userInfo: { username: string; groups: string[] } };
      }
    ).status;
    expect(userInfo.username).toBe('podferry-coordinator');
    expect(userInfo.groups).toContain('podferry');
    expect(await kubectl('auth can-i create pods', { as })).toBe('yes');
    await expect(kubectl('auth can-i get secrets', { as })).rejects.toThrow('no');
  });

  it('lets a kubelet touch only what is its own', async () => {
    const config = '/etc/kubernetes/kubelet.kubeconfig';
    const get = ['/opt/kubernetes/kubectl', '--kubeconfig', config, '--cache-dir', '/tmp/kubectl', 'get', 'node'];
    expect(await lab.run('node-a', [...get, 'node-a'])).toContain('Ready');
    await expect(lab.run('node-a', [...get, 'node-b'])).rejects.toThrow('"node-b" is forbidden');
  });
});

describe('a Deployment behind a Service', () => {
  it('is reached by its ClusterIP from everywhere, has logs, and commands run in it', async () => {
    await workloads.make(redisOn('server', 'node-a'), service('server', 6379), redisOn('client', 'node-b'));
    const server = await thePodOf(lab, 'server');
    const client = await thePodOf(lab, 'client');
    const address = await clusterIpOf(lab, 'server');
    for (const place of ['node-a', 'node-b', 'control'] as const) {
      const asked = expect.poll(async () => await ping(place, address).catch(String), { timeout: 10_000 });
      await asked.toMatch(/^\+PONG/);
    }
    for (const { name } of [client, server]) {
      expect(await shell(name, `timeout 5 redis-cli -h ${address} ping`), name).toBe('PONG');
    }
    // Pods are routed: the server sees the client's own address.
    expect(await shell(client.name, `redis-cli -h ${address} client list`)).toContain(`addr=${client.ip}:`);

    expect(await logsOf(lab, server.name)).toContain('Ready to accept connections');
    expect(await shell(server.name, 'id -u && hostname')).toBe(`1000\n${server.name}`);
  });
});

describe('a StatefulSet', () => {
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  const labels = { app: 'counter' };
  const volumeMounts = ['config', 'secret', 'scratch'].map((name) => ({ name, mountPath: `/${name}` }));
  const spec = podSpec([container('counter', { volumeMounts })], {
    terminationGracePeriodSeconds: 1,
    volumes: [
      { name: 'config', configMap: { name: 'word' } },
      { name: 'secret', secret: { secretName: 'word' } },
      { name: 'scratch', emptyDir: {} },
    ],
  });
  const counter = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'counter', namespace },
    spec: { serviceName: 'counter', selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
  const metadata = { name: 'word', namespace };
  const words = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { word: 'open' } },
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { word: 'hidden' } },
  ];

  it('has its volumes, and its pod comes back under its name', async () => {
    await workloads.make(...words, counter);
    const { name, uid, node } = await thePodOf(lab, 'counter');
    expect(name).toBe('counter-0');
    expect(await shell(name, 'echo kept >/scratch/word && cat /config/word /secret/word')).toBe('openhidden');
    // The beginning of every JSON web token.
    expect(await shell(name, `head -c 4 ${token}`)).toBe('eyJh');
    const volumes = join(lab.node(node).root, 'var/lib/kubelet/pods', uid, 'volumes');
    expect(readdirSync(join(volumes, 'kubernetes.io~empty-dir/scratch'))).toEqual(['word']);

    await kubectl('delete pod counter-0');
    const again = await thePodOf(lab, 'counter');
    expect(again.name).toBe('counter-0');
    expect(again.uid).not.toBe(uid);
    expect(await shell(again.name, 'ls /scratch')).toBe('');
  });
});
