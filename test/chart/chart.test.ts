/** What the chart makes of values: rendered by Helm, and looked at as objects. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../coordinator/settings.ts';
import { run } from '../lab/command.ts';
import { repository } from '../lab/layout.ts';
import { chart, find, helm, namespace, objectsIn, pathOf, type Rendered, renderAll, valueFiles } from './rendered.ts';

let program: string;
let of: Awaited<ReturnType<typeof renderAll>>;

beforeAll(async () => {
  program = await helm();
  of = await renderAll(program);
});

const agentOf = (objects: Rendered[]) => find(objects, 'DaemonSet', 'podferry-agent')['spec'].template.spec;
const coordinatorOf = (objects: Rendered[]) =>
  find(objects, 'Deployment', 'podferry-coordinator')['spec'].template.spec;
const named = (list: { name: string }[]) => list.map(({ name }) => name);

describe.each(valueFiles)('%s', (values) => {
  it('passes helm lint', async () => {
    const said = await run([program, 'lint', '--strict', chart, '--values', pathOf(values)]);
    expect(said).toContain('0 chart(s) failed');
  });

  it('has every object once, labelled, and in the namespace of the release or in none', () => {
    const keys = of(values).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { kind, metadata } of of(values)) {
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/name': 'podferry' });
      // Rules may have to be where Prometheus looks for them.
      expect([kind === 'PrometheusRule' ? 'monitoring' : namespace, undefined]).toContain(metadata.namespace);
    }
  });

  it('mounts what volumes there are, and has no volume that nobody mounts', () => {
    for (const pod of [agentOf(of(values)), coordinatorOf(of(values))]) {
      const mounts = [...(pod.initContainers ?? []), ...pod.containers].flatMap((container) => container.volumeMounts);
      expect(new Set(named(mounts))).toEqual(new Set(named(pod.volumes)));
    }
  });

  it('says nothing to the coordinator that contradicts itself', () => {
    const { args } = coordinatorOf(of(values)).containers[0];
    const settings = readSettings(args.map((arg: string) => arg.replace('$(POD_NAME)', 'coordinator-0')));
    expect(settings).toMatchObject({ leaderElect: true, namespace });
  });

  it('gives each program flags that it has', async () => {
    const pods = [agentOf(of(values)), coordinatorOf(of(values))];
    for (const { command, args } of pods.flatMap((pod) => [...(pod.initContainers ?? []), ...pod.containers])) {
      const [, script, ...verb] = command;
      const help = await run([process.execPath, join(repository, script), ...verb, '--help']);
      for (const arg of args) expect(help).toMatch(new RegExp(`${arg.split('=')[0]}[ ,\\[]`));
    }
  });

  it('shows the API server to no container of an agent but the installer', () => {
    const pod = agentOf(of(values));
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(named(pod.containers[0].volumeMounts)).not.toContain('api');
    const token = pod.volumes.find(({ name }: { name: string }) => name === 'token');
    expect(token.projected.sources).toEqual([
      { serviceAccountToken: { path: 'token', audience: 'podferry', expirationSeconds: 600 } },
    ]);
  });

  it.each(['coordinator-role', 'coordinator-namespace-role', 'user-role', 'names-policy'])(
    'has the objects of %s.yaml, whose rules are the same',
    (file) => {
      for (const source of objectsIn(readFileSync(join(chart, `files/${file}.yaml`), 'utf8'))) {
        const object = find(of(values), source.kind, source.metadata.name);
        const { rules, spec, roleRef } = source;
        expect({ rules: object['rules'], spec: object['spec'], roleRef: object['roleRef'] }).toEqual({
          rules,
          spec,
          roleRef,
        });
        expect(object.metadata.labels).toMatchObject(source.metadata.labels ?? {});
        expect(object.metadata.namespace).toBe(source.metadata.namespace && namespace);
        if (source['subjects'] === undefined) continue;
        expect(object['subjects']).toEqual([{ kind: 'ServiceAccount', name: 'podferry-coordinator', namespace }]);
      }
    },
  );

  it.each(['podmigrations', 'podcheckpoints'])('has the schema of %s', (plural) => {
    const [source] = objectsIn(readFileSync(join(chart, `files/crds/${plural}.yaml`), 'utf8'));
    const object = find(of(values), 'CustomResourceDefinition', `${plural}.podferry.dev`);
    expect(object['spec']).toEqual(source?.['spec']);
    const kept = values === 'no-installer' ? undefined : 'keep';
    expect(object.metadata.annotations?.['helm.sh/resource-policy']).toBe(kept);
  });
});

it('installs before the agent starts, one node at a time, and leaves the lease to the installers', () => {
  const objects = of('minimal');
  const [install] = agentOf(objects).initContainers;
  expect(install.args).toContain('--lease=podferry-installer');
  expect(find(objects, 'Lease', 'podferry-installer')).not.toHaveProperty('spec');
  expect(find(objects, 'Role', 'podferry-agent')['rules']).toEqual([
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      resourceNames: ['podferry-installer'],
      verbs: ['get', 'update'],
    },
  ]);
});

it('lets the Service find the one that leads', () => {
  expect(find(of('minimal'), 'Service', 'podferry-coordinator')['spec'].selector).toEqual({
    'app.kubernetes.io/name': 'podferry',
    'app.kubernetes.io/component': 'coordinator',
    'podferry.dev/leads': 'true',
  });
});

it('confines coordinators', () => {
  const pod = coordinatorOf(of('minimal'));
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(pod.containers[0].securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

it('takes an authority of cert-manager, and makes none itself', () => {
  const objects = of('cert-manager');
  const { spec } = find(objects, 'Certificate', 'podferry-authority') as Rendered & { spec: unknown };
  const issuerRef = { name: 'company', kind: 'ClusterIssuer', group: 'cert-manager.io' };
  expect(spec).toMatchObject({ isCA: true, secretName: 'podferry-authority', issuerRef });
  expect(coordinatorOf(objects).containers[0].args).toContain('--authority=given');
  expect(of('minimal').map(({ kind }) => kind)).not.toContain('Certificate');
});

it('mounts a server or a directory of the node at /nfs, and names the image by its digest', () => {
  const pod = agentOf(of('nfs'));
  expect(pod.containers[0].args).toContain('--nfs-dir=/nfs');
  expect(pod.containers[0].image).toMatch(/^registry\.example\/podferry@sha256:/);
  expect(pod.imagePullSecrets).toEqual([{ name: 'registry' }]);
  const mounted = (each: typeof pod) => each.volumes.find(({ name }: { name: string }) => name === 'nfs');
  expect(mounted(pod)).toEqual({ name: 'nfs', nfs: { server: 'nfs.example', path: '/export/podferry' } });
  expect(mounted(agentOf(of('no-installer'))).hostPath.path).toBe('/mnt/podferry');
  expect(agentOf(of('minimal')).containers[0].args).not.toContain('--nfs-dir=/nfs');
});

it('changes no node without an installer, and reaches a socket that is elsewhere', () => {
  const objects = of('no-installer');
  const pod = agentOf(objects);
  expect(pod).not.toHaveProperty('initContainers');
  expect(named(pod.volumes)).not.toContain('host');
  expect(objects.map(({ kind }) => kind)).not.toContain('Lease');
  expect(objects.map(({ kind }) => kind)).not.toContain('NetworkPolicy');
  expect(pod.containers[0].volumeMounts).toContainEqual({ name: 'socket', mountPath: '/var/snap/containerd' });
});

it('tells installer and uninstaller where a distribution has containerd', () => {
  const flags = ['--containerd=/run/k3s/containerd/containerd.sock', '--systemd-unit=k3s', '--restart-timeout=120s'];
  const [install] = agentOf(of('k3s')).initContainers;
  expect(install.args).toEqual(expect.arrayContaining(flags));
  expect(install.args).toContain('--runc=/var/lib/rancher/k3s/data/current/bin/runc');
  const { data } = find(of('k3s'), 'ConfigMap', 'podferry-uninstall') as unknown as { data: Record<string, string> };
  for (const flag of flags) expect(data['daemonset.yaml']).toContain(flag);
  expect(agentOf(of('minimal')).initContainers[0].args.join(' ')).not.toContain('--runc');
});

it('is on nodes of the image’s architectures alone, unless it is told where to be', () => {
  const arches = { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64', 'arm64'] };
  const required = {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [arches] }] },
  };
  expect(agentOf(of('minimal')).affinity).toEqual({ nodeAffinity: required });
  expect(coordinatorOf(of('minimal')).affinity.nodeAffinity).toEqual(required);
  expect(coordinatorOf(of('host-network')).affinity.nodeAffinity).not.toEqual(required);
});

it('leaves the RCU of nodes alone where it is told to', () => {
  expect(agentOf(of('host-network')).containers[0].args).toContain('--no-expedited-rcu');
  expect(agentOf(of('minimal')).containers[0].args).not.toContain('--no-expedited-rcu');
});

it('adds what each part is given, and lets others bring their priority class', () => {
  const objects = of('host-network');
  const pod = agentOf(objects);
  expect(pod).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
  expect(pod.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux', pool: 'movable' });
  expect(pod.containers[0].args.at(-1)).toBe('--log-level=debug');
  expect(pod.containers[0].env).toContainEqual({ name: 'NODE_OPTIONS', value: '--max-old-space-size=512' });
  expect(objects.map(({ kind }) => kind)).not.toContain('PriorityClass');
  expect(objects.map(({ kind }) => kind)).not.toContain('PodDisruptionBudget');
  const { metadata } = find(objects, 'Deployment', 'podferry-coordinator')['spec'].template;
  expect(metadata).toMatchObject({ labels: { team: 'platform' }, annotations: { 'example.org/note': 'moved' } });
  expect(coordinatorOf(objects).affinity).not.toHaveProperty('podAntiAffinity');
  const { args } = coordinatorOf(objects).containers[0];
  expect(args).toContain('--address-annotation=cni.projectcalico.org/ipAddrs');
  expect(coordinatorOf(of('minimal')).containers[0].args.join(' ')).not.toContain('--address-annotation');
});

it('brings nothing for Prometheus or Grafana unless it is told to', () => {
  expect(of('minimal').map(({ apiVersion }) => apiVersion)).not.toContain('monitoring.coreos.com/v1');
  expect(of('minimal').map(({ metadata }) => metadata.name)).not.toContain('podferry-dashboard');
});

it('has both parts scraped, at the port that they have for it', () => {
  const objects = of('monitoring');
  const monitor = find(objects, 'PodMonitor', 'podferry');
  const spec = monitor['spec'];
  expect(monitor.metadata).toMatchObject({
    namespace,
    labels: { release: 'prometheus', 'app.kubernetes.io/name': 'podferry' },
  });
  const [endpoint] = spec['podMetricsEndpoints'];
  expect(endpoint).toMatchObject({ port: 'metrics', interval: '15s', scrapeTimeout: '10s' });
  for (const pod of [agentOf(objects), coordinatorOf(objects)]) {
    expect(named(pod.containers[0].ports)).toContain(endpoint.port);
  }
  const templates = [find(objects, 'DaemonSet', 'podferry-agent'), find(objects, 'Deployment', 'podferry-coordinator')];
  const { matchLabels, matchExpressions } = spec['selector'];
  for (const template of templates) {
    const { labels } = template['spec'].template.metadata;
    expect(labels).toMatchObject(matchLabels);
    for (const { key, values } of matchExpressions) expect(values).toContain(labels[key]);
    expect(labels[spec['jobLabel']]).toBe('podferry');
  }
});

it('has the rules and the dashboard as their files have them, templates of theirs included', () => {
  const rules = find(of('monitoring'), 'PrometheusRule', 'podferry');
  expect(rules['spec']).toEqual(parse(readFileSync(join(chart, 'files/monitoring/rules.yaml'), 'utf8')));
  expect(rules.metadata).toMatchObject({ namespace: 'monitoring', labels: { release: 'prometheus' } });
  const dashboard = find(of('monitoring'), 'ConfigMap', 'podferry-dashboard');
  expect(dashboard.metadata).toMatchObject({
    namespace,
    labels: { grafana_dashboard: '1' },
    annotations: { grafana_folder: 'Nodes' },
  });
  const file = readFileSync(join(chart, 'files/monitoring/dashboard.json'), 'utf8');
  expect(JSON.parse(dashboard['data']['podferry.json'])).toEqual(JSON.parse(file));
});
