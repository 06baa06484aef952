/** What runs in the cluster during a test: objects as people write them, and what the API server says of their pods. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Container, V1Pod, V1PodSpec } from '@kubernetes/client-node';
import type { PodMigration } from '../../coordinator/resource/pod-migration.ts';
import type { Lab, NodeName } from '../lab/index.ts';
import { apply, kubectl, runKubectl } from '../lab/kubernetes/kubectl.ts';

export const namespace = 'default';

export function container(image: string, more: Partial<V1Container> = {}): V1Container {
  return { name: image, image: `podferry.dev/${image}:lab`, imagePullPolicy: 'Never', ...more };
}

/** As one would write it, but for the runtime class. */
export function podSpec(containers: V1Container[], more: Partial<V1PodSpec> = {}): V1PodSpec {
  return { runtimeClassName: 'podferry', terminationGracePeriodSeconds: 30, containers, ...more };
}

export function deployment(name: string, spec: V1PodSpec): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

export function statefulSet(name: string, spec: V1PodSpec): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name, namespace },
    spec: { serviceName: name, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

export function service(name: string, port: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ port }] },
  };
}

export function barePod(name: string, spec: V1PodSpec): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: name } }, spec };
}

/** Everything of a test file, so that none of it stays behind. */
export class Workloads {
  readonly #lab: Lab;
  readonly #made: string[] = [];

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async make(...objects: object[]): Promise<void> {
    for (const object of objects) {
      const { kind, metadata } = object as { kind: string; metadata: { name: string } };
      this.#made.push(`${kind}/${metadata.name}`);
    }
    await apply(this.#lab, objects);
  }

  /** Waits until its pods are gone, too. Their owners go first, or they would ask for their pods' long grace. */
  async remove(): Promise<void> {
    const made = this.#made.splice(0).reverse();
    const orphaning = ['delete', '--ignore-not-found', '--cascade=orphan'];
    const others = made.filter((each) => !each.startsWith('Pod/'));
    if (others.length > 0) await runKubectl(this.#lab, [...orphaning, ...others]);
    await runKubectl(this.#lab, [...orphaning, 'replicasets', '--all']);
    await runKubectl(this.#lab, ['delete', 'pods', '--all', '--grace-period=1', '--timeout=60s']);
  }
}

export async function podsOf(lab: Lab, app: string): Promise<V1Pod[]> {
  const list = await runKubectl(lab, ['get', 'pods', '-l', `app=${app}`, '-o', 'json']);
  return (JSON.parse(list) as { items: V1Pod[] }).items;
}

export interface Placed {
  name: string;
  uid: string;
  node: NodeName;
  ip: string;
  pod: V1Pod;
}

/** Resolves when exactly one pod of the app is there and ready. */
export async function thePodOf(lab: Lab, app: string, patienceMs = 60_000): Promise<Placed> {
  const until = performance.now() + patienceMs;
  for (;;) {
    // An API server that was away answers again when it gets to it.
    const pods = await podsOf(lab, app).catch(() => []);
    const [pod] = pods;
    if (pod !== undefined && pods.length === 1 && isReady(pod)) return place(pod);
    if (performance.now() > until) {
      const seen = pods.map(({ metadata, status }) => `${metadata?.name} ${status?.phase}`).join(', ') || 'none';
      throw new Error(`not one ready pod of ${app} within ${patienceMs} ms: ${seen}`);
    }
    await sleep(100);
  }
}

function isReady({ metadata, status }: V1Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
  return ready && metadata?.deletionTimestamp === undefined;
}

function place(pod: V1Pod): Placed {
  const { metadata, spec, status } = pod;
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    node: spec?.nodeName as NodeName,
    ip: status?.podIP ?? '',
    pod,
  };
}

export async function clusterIpOf(lab: Lab, name: string): Promise<string> {
  return await runKubectl(lab, ['get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}']);
}

export async function execIn(lab: Lab, pod: string, argv: readonly string[], of?: string): Promise<string> {
  return await runKubectl(lab, ['exec', pod, ...(of === undefined ? [] : ['-c', of]), '--', ...argv]);
}

export async function logsOf(lab: Lab, pod: string, of?: string): Promise<string> {
  return await runKubectl(lab, ['logs', pod, ...(of === undefined ? [] : ['-c', of])]);
}

export async function exists(lab: Lab, what: string): Promise<boolean> {
  return (await kubectl(lab, ['get', what])).code === 0;
}

/** A counter of this name, in a namespace of its own, that runs. */
export async function counterIn(lab: Lab, namespace: string): Promise<{ uid: string; node: NodeName }> {
  const metadata = { name: 'counter', namespace };
  const spec = podSpec([container('counter')], { terminationGracePeriodSeconds: 1 });
  await apply(lab, [{ apiVersion: 'v1', kind: 'Pod', metadata, spec }]);
  await runKubectl(lab, ['wait', '--for=condition=Ready', 'pod/counter', '-n', namespace, '--timeout=60s']);
  const [pod] = await podsIn(lab, namespace);
  return { uid: pod?.metadata?.uid ?? '', node: pod?.spec?.nodeName as NodeName };
}

export async function podsIn(lab: Lab, namespace: string): Promise<V1Pod[]> {
  const list = await runKubectl(lab, ['get', 'pods', '-n', namespace, '-o', 'json']);
  return (JSON.parse(list) as { items: V1Pod[] }).items;
}

export async function migrationsIn(lab: Lab, namespace: string): Promise<PodMigration[]> {
  const list = await runKubectl(lab, ['get', 'pm', '-n', namespace, '-o', 'json']);
  return (JSON.parse(list) as { items: PodMigration[] }).items;
}
