/**
 * The plugins as people have them: single executables, in a directory of their own, and nothing but a kubeconfig. There is
 * no node on their PATH and no certificate of ours. The lab's coordinator is no pod; where one has to be, a pod in its
 * place has the label of the leader, and what comes to its port is passed on to the real one.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { addressOf, clientIdentity, type NodeName, open, ports } from '../lab/index.ts';
import { nodeProgramInNode } from '../lab/layout.ts';
import { apply, kubectl, runKubectl, withoutProxy } from '../lab/kubernetes/kubectl.ts';
import { kubeconfig } from '../lab/kubernetes/users.ts';
import { otherThan } from '../integration/migrate.ts';
import { makePlugins } from '../plugins/made.ts';
import { expectNothingLeft } from './leftovers.ts';
import { container, counterIn, migrationsIn, podsIn } from './workload.ts';

const lab = open();
const namespaces = ['plugins-a', 'plugins-b'] as const;
const [a, b] = namespaces;
/** Of the lab, with the coordinator's rights in it. */
const system = 'podferry-system';
const directory = mkdtempSync(join(tmpdir(), 'podferry-plugins-'));
const executables = join(directory, 'bin');
let relay: ChildProcess;

type Person = 'admin' | 'eddy' | 'olga' | 'nobody';
const fileOf = (person: Person) => join(directory, `${person}.kubeconfig`);

const binding = (kind: 'RoleBinding' | 'ClusterRoleBinding', role: string, name: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name: `plugins-${name}-${role}`, ...(kind === 'RoleBinding' && { namespace: a }) },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ kind: 'ServiceAccount', name, namespace: a }],
});
/** Eddy has edit in one namespace and nothing else; Olga runs the cluster, by a token; nobody may do nothing. */
const bindings = [
  binding('RoleBinding', 'edit', 'eddy'),
  binding('ClusterRoleBinding', 'edit', 'olga'),
  binding('ClusterRoleBinding', 'plugins-reader', 'olga'),
];
const nodeReader = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'plugins-reader' },
  rules: [{ apiGroups: [''], resources: ['nodes', 'namespaces'], verbs: ['get', 'list'] }],
};

const leader = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'podferry-coordinator-0',
    namespace: system,
    labels: {
      'app.kubernetes.io/name': 'podferry',
      'app.kubernetes.io/component': 'coordinator',
      'podferry.dev/leads': 'true',
    },
  },
  spec: { hostNetwork: true, nodeName: 'node-a', terminationGracePeriodSeconds: 1, containers: [container('counter')] },
};

/** Of the one who has it: the cluster as the administrator's own says it, the user with a token. */
async function write(person: Person, context: object, token?: string, path = ''): Promise<void> {
  const config = JSON.parse(await kubeconfig(lab.layout, 'admin')) as {
    clusters: { cluster: { server: string } }[];
    users: { user: object }[];
    contexts: { context: object }[];
  };
  for (const { cluster } of config.clusters) cluster.server += path;
  for (const entry of config.users) if (token !== undefined) entry.user = { token };
  for (const entry of config.contexts) Object.assign(entry.context, context);
  await writeFile(fileOf(person), JSON.stringify(config), { mode: 0o600 });
}

beforeAll(async () => {
  await makePlugins(executables, 'kubectl-migrate', 'kubectl-checkpoint');
  await apply(
    lab,
    namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
  );
  const people = ['eddy', 'olga', 'nobody'] as const;
  const accounts = people.map((name) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace: a },
  }));
  await apply(lab, [...accounts, nodeReader, ...bindings]);
  for (const name of namespaces) {
    await runKubectl(lab, ['wait', '--for=create', '--timeout=30s', '-n', name, 'serviceaccount/default']);
  }
  for (const name of people) {
    await write(name, { namespace: a }, (await runKubectl(lab, ['create', 'token', name, '-n', a])).trim());
  }
  await write('admin', {});
  const ca = await readFile(join(lab.layout.tlsOf(clientIdentity), 'ca.crt'), 'utf8');
  const trust = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'podferry-trust', namespace: system } };
  await apply(lab, [{ ...trust, data: { 'ca.crt': ca } }, leader]);
  await runKubectl(lab, [
    'wait',
    '--for=condition=Ready',
    `pod/${leader.metadata.name}`,
    '-n',
    system,
    '--timeout=60s',
  ]);
  const script = `const net = require('node:net');
    net.createServer((from) => {
      const to = net.connect(${ports.coordinator}, '${addressOf('control')}');
      from.pipe(to).pipe(from);
      for (const each of [from, to]) each.on('error', () => { from.destroy(); to.destroy(); });
    }).listen(${ports.coordinator}, '127.0.0.1');`;
  relay = lab.spawn('node-a', [nodeProgramInNode, '-e', script], { stdio: 'ignore' });
  // Controllers put what is aggregated together when they get to it.
  const can = ['auth', 'can-i', 'create', 'podmigrations.podferry.dev', '-n', a, '--as', accountOf('eddy')];
  await vi.waitFor(async () => expect((await kubectl(lab, can)).stdout.trim()).toBe('yes'), 30_000);
});

afterEach(async () => {
  for (const name of [a, b]) {
    await runKubectl(lab, ['delete', 'podmigrations,podcheckpoints', '--all', '-n', name, '--timeout=60s']);
    await runKubectl(lab, ['delete', 'pods', '--all', '-n', name, '--grace-period=1', '--timeout=60s']);
  }
  await expectNothingLeft(lab);
});

afterAll(async () => {
  relay.kill();
  await runKubectl(lab, ['delete', 'clusterrolebinding', 'plugins-olga-edit', 'plugins-olga-plugins-reader']);
  await runKubectl(lab, ['delete', 'clusterrole', nodeReader.metadata.name]);
  await runKubectl(lab, ['delete', 'namespace', ...namespaces, '--timeout=60s']);
  const ours = [`pod/${leader.metadata.name}`, 'configmap/podferry-trust'];
  await runKubectl(lab, ['delete', ...ours, '-n', system, '--timeout=60s']);
  rmSync(directory, { recursive: true });
});

function accountOf(name: Person): string {
  return `system:serviceaccount:${a}:${name}`;
}

/** The executable itself: an empty environment, but for where the kubeconfig is. */
async function as(person: Person, ...words: string[]) {
  return await run(person, join(executables, 'kubectl-migrate'), words);
}

async function run(person: Person, program: string, words: readonly string[]) {
  const path = `${executables}:${lab.kubernetes?.programs}`;
  const env = { ...withoutProxy, PATH: path, HOME: directory, KUBECONFIG: fileOf(person) };
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return await lab.exec('control', ['env', '-i', '-C', '/', ...settings, program, ...words]);
}

interface Shown {
  id: string;
  phase: string;
  source: NodeName;
  target: NodeName;
  targetIp: string;
  freezeMs: number;
}

describe('a kubeconfig is enough', () => {
  it.each([
    ['with a certificate', 'admin', ['-n', a]],
    ['with a token that has edit in its namespace and nothing else', 'eddy', []],
  ] as const)('to move a pod, %s', async (_what, person, where) => {
    const { node } = await counterIn(lab, a);
    const flags = ['--to', otherThan(node), '--linger', '0s', ...where];
    const { code, stdout, stderr } = await as(person, 'counter', '-o', 'json', ...flags);
    expect(code, stderr).toBe(0);
    const shown = JSON.parse(stdout) as Shown;
    expect(shown).toMatchObject({ phase: 'Succeeded', source: node, target: otherThan(node) });
    expect(shown.freezeMs).toBeGreaterThan(0);
    const [moved, ...others] = await podsIn(lab, a);
    expect(others).toEqual([]);
    expect(moved?.spec?.nodeName).toBe(otherThan(node));
    expect(moved?.status?.podIP).toBe(shown.targetIp);
    const listed = await as(person, 'list', '-o', 'json', ...where);
    expect((JSON.parse(listed.stdout) as Shown[]).map(({ id, phase }) => [id, phase])).toEqual([
      [shown.id, 'Succeeded'],
    ]);
    const got = await as(person, 'get', shown.id, '-o', 'json', ...where);
    expect(JSON.parse(got.stdout)).toMatchObject({ id: shown.id, phase: 'Succeeded' });
  });

  it('to cancel, and to see that the pod is where it was', async () => {
    const { uid, node } = await counterIn(lab, a);
    const begun = await as('eddy', 'counter', '--to', otherThan(node), '--detach');
    const cancelled = await as('eddy', 'cancel', begun.stdout.trim());
    expect(cancelled.code, cancelled.stderr).toBe(0);
    expect(cancelled.stdout).toContain('RolledBack');
    expect((await podsIn(lab, a)).map(({ metadata }) => metadata?.uid)).toEqual([uid]);
    // Cancelling is deleting.
    expect(await migrationsIn(lab, a)).toEqual([]);
  });

  it('to empty a node of what one may see', async () => {
    const { node } = await counterIn(lab, a);
    const { code, stdout, stderr } = await as('eddy', `node/${node}`, '-n', a, '--linger', '0s');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`${node}: 1 of 1 pod moved`);
    expect(stderr).toMatch(/none is asked about before/);
  });

  it('to take a checkpoint, list and delete it', async () => {
    await counterIn(lab, a);
    const checkpoint = async (...words: string[]) => await run('eddy', join(executables, 'kubectl-checkpoint'), words);
    const taken = await checkpoint('counter', '--name', 'warm', '-o', 'json');
    expect(taken.code, taken.stderr).toBe(0);
    expect(JSON.parse(taken.stdout)).toMatchObject({ name: 'warm', ready: true });
    expect((await checkpoint('list')).stdout).toMatch(/^plugins-a +warm +counter/m);
    expect((await checkpoint('delete', 'warm')).code).toBe(0);
    await runKubectl(lab, ['wait', '--for=delete', 'pcp/warm', '-n', a, '--timeout=60s']);
  });
});

describe('what only the coordinator knows is asked of it through the API server', () => {
  it('its nodes, and whether a pod could move', async () => {
    const { uid, node } = await counterIn(lab, a);
    const nodes = await as('olga', 'nodes', '-o', 'json');
    expect(nodes.code, nodes.stderr).toBe(0);
    expect((JSON.parse(nodes.stdout) as { name: string; ready: boolean }[]).map(({ name }) => name).sort()).toEqual(
      [...lab.nodeNames].sort(),
    );
    const dry = await as('olga', 'counter', '--to', otherThan(node), '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining(`${a}/counter can move: ${node} → `)]);
    const stays = await as('olga', 'counter', '--to', node, '--dry-run');
    expect([stays.code, stays.stderr]).toEqual([2, expect.stringContaining('SameNode')]);
    expect((await podsIn(lab, a)).map(({ metadata }) => metadata?.uid)).toEqual([uid]);
  });

  it('copies of a checkpoint', async () => {
    await counterIn(lab, a);
    const taken = await run('olga', join(executables, 'kubectl-checkpoint'), ['counter', '--name', 'warm']);
    expect(taken.code, taken.stderr).toBe(0);
    const { code, stdout, stderr } = await as('olga', '--from-checkpoint', 'warm', '--replicas', '2', '-o', 'json');
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as { phase: string }[]).map(({ phase }) => phase)).toEqual(['Succeeded', 'Succeeded']);
    expect(await podsIn(lab, a)).toHaveLength(3);
  });

  it('whoever shows a certificate learns what else to show', async () => {
    const refused = await as('admin', 'nodes');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/your kubeconfig shows a certificate/)]);
    const file = join(directory, 'token');
    await writeFile(file, await runKubectl(lab, ['create', 'token', 'olga', '-n', a]), { mode: 0o600 });
    expect(await as('admin', 'nodes', '--token-file', file)).toMatchObject({ code: 0 });
  });

  it('where none leads: 4, and where to look', async () => {
    const { code, stderr } = await as('olga', 'nodes', '--podferry-namespace', b);
    expect([code, stderr]).toEqual([4, expect.stringContaining(`no coordinator can be asked in namespace ${b}`)]);
    expect(stderr).toMatch(/hint: "kubectl get pods -n plugins-b"/);
  });
});

describe('errors', () => {
  it('no rights: what the API server says, and nothing is made', async () => {
    const { uid } = await counterIn(lab, b);
    const said = `User "${accountOf('eddy')}" cannot create resource "podmigrations"`;
    const { code, stderr } = await as('eddy', 'counter', '-n', b);
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
    expect(stderr).toMatch(/^error: PermissionDenied: /m);
    expect((await as('nobody', 'list')).stderr).toMatch(/PermissionDenied: .* cannot list resource "podmigrations"/);
    expect((await as('eddy', 'nodes')).stderr).toMatch(/PermissionDenied: .* in the namespace "podferry-system"/);
    expect((await podsIn(lab, b)).map(({ metadata }) => metadata?.uid)).toEqual([uid]);
    expect(await migrationsIn(lab, b)).toEqual([]);
  });

  it('refused: the coordinator’s reason, and no object is left', async () => {
    const { node } = await counterIn(lab, a);
    const { code, stderr } = await as('eddy', 'counter', '--to', node);
    expect([code, stderr]).toEqual([2, expect.stringContaining('error: SameNode: ')]);
    expect((await as('eddy', 'nobody-there')).stderr).toContain('error: PodNotFound: ');
    expect(await migrationsIn(lab, a)).toEqual([]);
  });

  it('a server that knows no PodMigration: there is no Podferry', async () => {
    await write('nobody', { namespace: a }, undefined, '/nowhere');
    for (const words of [['counter'], ['list'], ['watch', 'mig-x']]) {
      const { code, stderr } = await as('nobody', ...words);
      expect([code, stderr]).toEqual([2, expect.stringContaining('this cluster has no Podferry: ')]);
    }
  });

  it('a token that nobody knows', async () => {
    await write('nobody', { namespace: a }, 'garbage');
    expect(await as('nobody', 'list')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: Unauthenticated/),
    });
  });
});

describe('completion, as the real kubectl asks for it', () => {
  const ask = async (person: Person, ...words: string[]) =>
    (await run(person, join(lab.kubernetes?.programs ?? '', 'kubectl'), ['__complete', ...words])).stdout.split('\n');

  it('has pods, commands, flags, nodes, namespaces, and ids', async () => {
    const { node } = await counterIn(lab, a);
    expect(await ask('eddy', 'migrate', '')).toEqual(
      expect.arrayContaining([`counter\ton ${node}`, expect.stringMatching(/^list\t/), ':4']),
    );
    expect(await ask('eddy', 'checkpoint', 'cou')).toEqual([`counter\ton ${node}`, ':4', '']);
    expect(await ask('eddy', 'migrate', 'counter', '--dr')).toEqual([expect.stringMatching(/^--dry-run\t/), ':4', '']);
    for (const words of [['node/'], ['counter', '--to', '']]) {
      const nodes = (await ask('olga', 'migrate', ...words)).filter((line) => line.includes('node-'));
      expect(nodes.map((line) => line.replace('node/', '')).sort()).toEqual([...lab.nodeNames].sort());
    }
    expect(await ask('olga', 'migrate', 'list', '-n', 'plugins-')).toEqual([a, b, ':4', '']);
    expect(await ask('eddy', 'migrate', 'counter', '--strategy', 'st')).toEqual(['stop-and-copy', ':4', '']);
    const { stdout } = await as('eddy', 'counter', '--linger', '0s', '-o', 'json');
    const { id } = JSON.parse(stdout) as Shown;
    expect(await ask('eddy', 'migrate', 'get', 'mig')).toEqual([`${id}\t${a}/counter Succeeded`, ':4', '']);
  });

  it('says nothing of what one may not see', async () => {
    await counterIn(lab, b);
    expect(await ask('eddy', 'migrate', '-n', b, 'cou')).toEqual([':4', '']);
    expect(await ask('eddy', 'migrate', 'node/')).toEqual([':4', '']);
  });
});
