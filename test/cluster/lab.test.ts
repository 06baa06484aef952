/** The lab's Kubernetes does what any other does: a test that fails below is then not the lab's fault. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apply, type KubectlOptions, open, type Place, runKubectl, status } from '../lab/index.ts';
import { deployment, service, statefulSet } from './objects.ts';

const lab = open();
const namespace = 'lab-test';
const redis = { name: 'redis', namespace, image: 'redis', node: 'node-a' } as const;

const kubectl = async (words: string, options: KubectlOptions = {}) =>
  (await runKubectl(lab, ['--namespace', namespace, ...words.split(' ')], options)).trim();
const shell = async (pod: string, script: string) =>
  (await runKubectl(lab, ['--namespace', namespace, 'exec', pod, '--', 'sh', '-euc', script])).trim();

/** What a Redis answers a client in some place. */
async function ping(from: Place, address: string): Promise<string> {
  const script = String.raw`exec 3<>"/dev/tcp/$0/6379" && printf 'PING\r\nQUIT\r\n' >&3 && cat <&3`;
  return await lab.run(from, ['bash', '-c', script, address], { signal: AbortSignal.timeout(5_000) });
}

beforeAll(async () => {
  await apply(lab, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }]);
  await runKubectl(lab, ['-n', namespace, 'wait', '--for=create', '--timeout=30s', 'serviceaccount/default']);
});

afterAll(async () => {
  await runKubectl(lab, ['delete', 'namespace', namespace]);
});

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

  it('knows the coordinator by its name and group', async () => {
    const answer = await kubectl('auth whoami -o json', { as: 'podferry-coordinator' });
    const { username, groups } = (
      JSON.parse(answer) as { status: { userInfo: { username: string; groups: string[] } } }
    ).status.userInfo;
    expect(username).toBe('podferry-coordinator');
    expect(groups).toContain('podferry');
    expect(await kubectl('auth can-i create pods', { as: 'podferry-coordinator' })).toBe('yes');
  });

  it('lets a kubelet touch only what is its own', async () => {
    const config = '/etc/kubernetes/kubelet.kubeconfig';
    const label = ['/opt/kubernetes/kubectl', '--kubeconfig', config, 'label', 'node', 'node-b', 'x=y'];
    const { code, stderr } = await lab.exec('node-a', label);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/node "node-a" is not allowed to modify node "node-b"/);
  });
});

describe('a Deployment behind a Service', () => {
  let address = '';

  beforeAll(async () => {
    await apply(lab, [deployment(redis), service(redis, 6379)]);
    await kubectl('rollout status deployment/redis --timeout=60s');
    address = await kubectl('get service redis -o jsonpath={.spec.clusterIP}');
  });

  it.each(['node-a', 'node-b', 'control'] as const)('is reached by its ClusterIP from %s', async (place) => {
    await expect.poll(async () => await ping(place, address).catch(String), { timeout: 10_000 }).toMatch(/^\+PONG/);
  });

  it('is reached by its ClusterIP from a pod of the other node, and from itself', async () => {
    const client = { name: 'client', namespace, image: 'redis', node: 'node-b' } as const;
    await apply(lab, [deployment(client)]);
    await kubectl('rollout status deployment/client --timeout=60s');
    for (const from of ['deploy/client', 'deploy/redis']) {
      expect(await shell(from, `timeout 5 redis-cli -h ${address} ping`), from).toBe('PONG');
    }
    // Pods are routed: the server sees the client's own address.
    const own = await kubectl('get pods -l app=client -o jsonpath={.items[0].status.podIP}');
    expect(await shell('deploy/client', `redis-cli -h ${address} client list`)).toContain(`addr=${own}:`);
  });

  it('has logs, and commands run in it', async () => {
    expect(await kubectl('logs deploy/redis')).toContain('Ready to accept connections');
    expect(await shell('deploy/redis', 'id -u && hostname')).toMatch(/^1000\nredis-/);
  });
});

describe('a StatefulSet', () => {
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';

  it('has its volumes, and its pod comes back under its name', async () => {
    const metadata = { name: 'words', namespace };
    const mounts = ['config', 'secret', 'scratch'].map((name) => ({ name, mountPath: `/${name}` }));
    const set = statefulSet({
      name: 'counter',
      namespace,
      image: 'counter',
      container: { volumeMounts: mounts },
      pod: {
        volumes: [
          { name: 'config', configMap: { name: 'words' } },
          { name: 'secret', secret: { secretName: 'words' } },
          { name: 'scratch', emptyDir: {} },
        ],
      },
    });
    await apply(lab, [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { word: 'open' } },
      { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { word: 'hidden' } },
      set,
    ]);
    await kubectl('rollout status statefulset/counter --timeout=60s');

    expect(await shell('counter-0', 'echo kept >/scratch/word && cat /config/word /secret/word')).toBe('openhidden');
    expect(await shell('counter-0', `cut -d. -f1 ${token} | head -c 8`)).toBe('eyJhbGci');
    const { uid, node } = await whereIs('counter-0');
    const volumes = join(lab.node(node).root, 'var/lib/kubelet/pods', uid, 'volumes');
    expect(readdirSync(join(volumes, 'kubernetes.io~empty-dir/scratch'))).toEqual(['word']);

    await kubectl('delete pod counter-0');
    await kubectl('wait --for=create --timeout=30s pod/counter-0');
    await kubectl('wait --for=condition=Ready --timeout=60s pod/counter-0');
    expect((await whereIs('counter-0')).uid).not.toBe(uid);
    expect(await shell('counter-0', 'ls /scratch')).toBe('');
  });

  async function whereIs(pod: string) {
    const [uid = '', node = ''] = (await kubectl(`get pod ${pod} -o jsonpath={.metadata.uid},{.spec.nodeName}`)).split(
      ',',
    );
    return { uid, node: lab.nodeNames.find((name) => name === node) ?? 'node-a' };
  }
});
