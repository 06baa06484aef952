/** What the chart leaves to helm uninstall: a Job that goes before all else, its rights, and the pods that clean nodes. */
import { beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { run } from '../lab/command.ts';
import { repository } from '../lab/layout.ts';
import { find, helm, namespace, objectsIn, type Rendered, renderAll, tryRender, valueFiles } from './rendered.ts';

let program: string;
let of: Awaited<ReturnType<typeof renderAll>>;

beforeAll(async () => {
  program = await helm();
  of = await renderAll(program);
});

const hooksOf = (objects: Rendered[]) => objects.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook']);
const jobOf = (objects: Rendered[]) => find(objects, 'Job', 'podferry-uninstall')['spec'].template.spec;
const rulesOf = (objects: Rendered[], kind: string): Rule[] => find(objects, kind, 'podferry-uninstall')['rules'];

interface Rule {
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

function daemonSetOf(objects: Rendered[]): Rendered {
  const { data } = find(objects, 'ConfigMap', 'podferry-uninstall') as Rendered & { data: Record<string, string> };
  const [object, ...others] = objectsIn(data['daemonset.yaml'] ?? '');
  if (object === undefined || others.length > 0) throw new Error('there has to be one');
  return object;
}

function grants(objects: Rendered[], kind: string, resource: string, verb: string, name?: string): boolean {
  return rulesOf(objects, kind).some(
    ({ resources, resourceNames, verbs }) =>
      resources.includes(resource) &&
      verbs.includes(verb) &&
      (resourceNames === undefined || (name !== undefined && resourceNames.includes(name))),
  );
}

describe.each(valueFiles)('%s', (values) => {
  it('has them while helm uninstall works, and the Job last, which stays when it fails', () => {
    const hooks = hooksOf(of(values));
    const kinds = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding', 'Job'];
    if (values !== 'no-installer') kinds.push('ConfigMap');
    expect(hooks.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort()).toEqual(
      kinds.map((kind) => `${kind}/podferry-uninstall`).sort(),
    );
    for (const { kind, metadata } of hooks) {
      expect(metadata.annotations).toMatchObject({
        'helm.sh/hook': 'pre-delete',
        'helm.sh/hook-weight': kind === 'Job' ? '0' : '-10',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
      });
    }
    const job = find(of(values), 'Job', 'podferry-uninstall');
    expect(job['spec'].backoffLimit).toBe(0);
    expect(job.metadata.annotations?.['helm.sh/hook-output-log-policy']).toBe('hook-failed');
  });

  it('gives the program flags that it has, and mounts what there is', async () => {
    const [container] = jobOf(of(values)).containers;
    const help = await run([process.execPath, join(repository, container.command[1]), '--help']);
    for (const arg of container.args) expect(help).toMatch(new RegExp(`${arg.split('=')[0]}[ ,\\[]`));
    const names = (list: { name: string }[] = []) => list.map(({ name }) => name);
    expect(names(container.volumeMounts)).toEqual(names(jobOf(of(values)).volumes));
  });

  it('confines the Job as coordinators are', () => {
    const coordinator = find(of(values), 'Deployment', 'podferry-coordinator')['spec'].template.spec;
    const pod = jobOf(of(values));
    expect(pod.securityContext).toEqual(coordinator.securityContext);
    expect(pod.containers[0].securityContext).toEqual(coordinator.containers[0].securityContext);
    expect(pod).toMatchObject({ serviceAccountName: 'podferry-uninstall', restartPolicy: 'Never' });
  });

  it('binds the rights to the Job, and to nobody else', () => {
    const subjects = [{ kind: 'ServiceAccount', name: 'podferry-uninstall', namespace }];
    for (const [binding, role] of [
      ['ClusterRoleBinding', 'ClusterRole'],
      ['RoleBinding', 'Role'],
    ] as const) {
      const object = find(of(values), binding, 'podferry-uninstall');
      expect(object['subjects']).toEqual(subjects);
      expect(object['roleRef']).toMatchObject({ kind: role, name: 'podferry-uninstall' });
    }
  });
});

it('looks everywhere, changes only what is named, and nothing in other namespaces as long as the resources stay', () => {
  const objects = of('minimal');
  expect(rulesOf(objects, 'ClusterRole').flatMap(({ verbs }) => verbs)).toEqual(['list', 'list', 'list']);
  const unnamed = rulesOf(objects, 'Role').filter(({ resourceNames }) => resourceNames === undefined);
  expect(unnamed).toEqual([{ apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['create'] }]);
  expect(jobOf(objects).containers[0].args).toContain('--keep-resources');
});

it('deletes the resources that go with the release', async () => {
  const objects = of('no-installer');
  expect(jobOf(objects).containers[0].args).not.toContain('--keep-resources');
  for (const resource of ['podmigrations', 'podcheckpoints'])
    expect(grants(objects, 'ClusterRole', resource, 'delete')).toBe(true);
  // Definitions that somebody else has brought stay, whatever is said of ours.
  const { stdout } = await tryRender(program, 'crds.install=false', 'crds.keep=false');
  expect(jobOf(objectsIn(stdout)).containers[0].args).toContain('--keep-resources');
});

it('leaves nodes alone that no installer has changed', () => {
  const objects = of('no-installer');
  expect(jobOf(objects).containers[0].args.join()).not.toContain('--installer-manifest');
  expect(grants(objects, 'Role', 'daemonsets', 'create')).toBe(false);
  expect(grants(of('minimal'), 'Role', 'daemonsets', 'delete', 'podferry-uninstall')).toBe(true);
});

it('leaves the Secret of cert-manager to it', () => {
  const given = of('cert-manager');
  expect(jobOf(given).containers[0].args).toContain('--authority=given');
  expect(grants(given, 'Role', 'secrets', 'delete', 'podferry-authority')).toBe(false);
  expect(jobOf(of('minimal')).containers[0].args).toContain('--authority=own');
  expect(grants(of('minimal'), 'Role', 'secrets', 'delete', 'podferry-authority')).toBe(true);
});

describe('the pods that clean the nodes', () => {
  it('look where the installer has been, with its flags and its view of the node', () => {
    for (const values of ['minimal', 'host-network', 'nfs'] as const) {
      const installing = find(of(values), 'DaemonSet', 'podferry-agent')['spec'].template.spec;
      const cleaning = daemonSetOf(of(values))['spec'].template.spec;
      const [{ command, name, ...install }] = installing.initContainers;
      const [{ command: undo, name: called, ...uninstall }] = cleaning.initContainers;
      expect(uninstall).toEqual(install);
      expect({ command, name }).toEqual({ command: ['node', 'agent/install/main.ts', 'install'], name: 'install' });
      expect({ undo, called }).toEqual({ undo: ['node', 'agent/install/main.ts', 'uninstall'], called: 'uninstall' });
      for (const { name } of install.volumeMounts) {
        const volume = (pod: typeof cleaning) => pod.volumes.find((each: { name: string }) => each.name === name);
        expect(volume(cleaning)).toEqual(volume(installing));
      }
      expect(cleaning.hostPID).toBe(true);
      expect(cleaning.hostNetwork).toBe(installing.hostNetwork);
      expect(cleaning.serviceAccountName).toBe('podferry-agent');
    }
  });

  it('are on all nodes, also on those that agents are kept from', () => {
    const { spec } = daemonSetOf(of('host-network'))['spec'].template;
    expect(spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux' });
    expect(spec.tolerations).toEqual([{ operator: 'Exists' }]);
  });

  it('are taken for no agents, and found by the program', () => {
    const object = daemonSetOf(of('minimal'));
    const labels = { 'app.kubernetes.io/name': 'podferry', 'app.kubernetes.io/component': 'uninstall-node' };
    expect(object).toMatchObject({ kind: 'DaemonSet', metadata: { name: 'podferry-uninstall', namespace } });
    expect(object['spec'].selector.matchLabels).toEqual(labels);
    expect(object['spec'].template.metadata.labels).toMatchObject(labels);
  });
});

it('leaves all of it away when the values say so', async () => {
  const { stdout } = await tryRender(program, 'uninstall.enabled=false');
  expect(hooksOf(objectsIn(stdout))).toEqual([]);
});
