/**
 * A cluster with Podferry on it, before an API server of pretence (see api-server.ts): a fake for nodes that refuse, fail
 * and fall silent when told. Pods that are deleted are there for one more look; a DaemonSet has the pods that a test says.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { V1ContainerState, V1Node, V1Pod } from '@kubernetes/client-node';
import { ApiServer, json } from './api-server.ts';

export const namespace = 'podferry-system';

/** What is asked of any object here. */
export interface FakeObject {
  metadata: Record<string, unknown> & {
    name?: string;
    uid?: string;
    finalizers?: string[];
    deletionTimestamp?: string;
  };
  status?: object;
}

interface Deletion {
  preconditions?: { uid?: string };
  propagationPolicy?: string;
}

interface PodAbout {
  node: string;
  component?: string;
  runtimeClassName?: string;
  status?: NonNullable<V1Pod['status']>;
}

const own = `/namespaces/${namespace}`;
export const paths = {
  coordinators: `/apis/apps/v1${own}/deployments/podferry-coordinator`,
  agents: `/apis/apps/v1${own}/daemonsets/podferry-agent`,
  cleaners: `/apis/apps/v1${own}/daemonsets/podferry-uninstall`,
  authority: `/api/v1${own}/secrets/podferry-authority`,
  trust: `/api/v1${own}/configmaps/podferry-trust`,
  leader: `/apis/coordination.k8s.io/v1${own}/leases/podferry-coordinator`,
} as const;

const componentOf: Record<string, string> = {
  [paths.coordinators]: 'coordinator',
  [paths.agents]: 'agent',
  [paths.cleaners]: 'uninstall-node',
};

export class FakeRelease {
  readonly server = new ApiServer();
  /** Everything but pods, by its path. */
  readonly objects = new Map<string, FakeObject>();
  readonly pods = new Map<string, V1Pod>();
  readonly nodes: V1Node[] = [];
  /** What was changed, in order: METHOD path. */
  readonly changes: string[] = [];
  /** Undefined: there are no such definitions. */
  resources: Map<string, FakeObject> | undefined = new Map();
  /** What the container that cleans a node has come to; undefined: no kubelet has taken its pod. */
  cleaning: (node: string) => V1ContainerState | undefined = () => ({ terminated: { exitCode: 0 } });
  /** Answers with that instead, as often as it says: a code. */
  failures: number[] = [];
  readonly #leaving = new Set<string>();
  #made = 0;

  constructor(nodes: readonly string[]) {
    this.server.answer = (request, response) => this.#answer(request, response);
    for (const name of nodes) this.addNode(name);
    for (const [path, component] of Object.entries(componentOf)) {
      if (path === paths.cleaners) continue;
      this.objects.set(path, { metadata: { uid: component }, status: { readyReplicas: 1 } });
      for (const node of nodes) this.addPod(`${component}-${node}`, { node, component });
    }
    for (const path of [paths.authority, paths.trust, paths.leader]) this.objects.set(path, { metadata: {} });
  }

  addNode(name: string, { ready = true, os = 'linux' } = {}): void {
    const Ready = { type: 'Ready', status: ready ? 'True' : 'Unknown' };
    this.nodes.push({ metadata: { name, labels: { 'kubernetes.io/os': os } }, status: { conditions: [Ready] } });
  }

  addPod(name: string, { node, component, runtimeClassName, status }: PodAbout): void {
    const labels = { 'app.kubernetes.io/name': 'podferry', 'app.kubernetes.io/component': component ?? '' };
    const metadata = { name, namespace, ...(component !== undefined && { labels }) };
    const spec = { containers: [], nodeName: node, ...(runtimeClassName !== undefined && { runtimeClassName }) };
    this.pods.set(name, { metadata, spec, ...(status !== undefined && { status }) });
  }

  addResource(plural: string, name: string, status?: object, finalizers: string[] = []): void {
    const path = `/apis/podferry.dev/v1alpha1/namespaces/demo/${plural}/${name}`;
    const metadata = { namespace: 'demo', name, uid: name, resourceVersion: '1', finalizers };
    this.resources?.set(path, { metadata, ...(status !== undefined && { status }) });
  }

  has(path: string): boolean {
    return this.objects.has(path);
  }

  podsOf(component: string): string[] {
    return [...this.pods.values()]
      .filter(({ metadata }) => metadata?.labels?.['app.kubernetes.io/component'] === component)
      .map(({ metadata }) => metadata?.name ?? '');
  }

  #answer(request: IncomingMessage & { body: string }, response: ServerResponse): void {
    const failure = this.failures.shift();
    if (failure !== undefined) return json(response, failure, { message: 'told to fail' });
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake');
    if (request.method !== 'GET') this.changes.push(`${request.method} ${pathname}`);
    const [, plural] = /^\/apis\/podferry\.dev\/v1alpha1\/(\w+)$/.exec(pathname) ?? [];
    if (plural !== undefined) return this.#listResources(plural, response);
    if (pathname === '/api/v1/nodes') return json(response, 200, { items: this.nodes });
    if (pathname === '/api/v1/pods' || pathname === `/api/v1${own}/pods`) {
      return this.#listPods(pathname !== '/api/v1/pods', searchParams, response);
    }
    if (request.method === 'POST') return this.#make(JSON.parse(request.body) as FakeObject, pathname, response);
    if (request.method === 'DELETE') {
      const body = (request.body === '' ? {} : JSON.parse(request.body)) as Deletion;
      return this.#delete(pathname, body, response);
    }
    const object = this.objects.get(pathname);
    json(response, object === undefined ? 404 : 200, object ?? {});
  }

  #listResources(plural: string, response: ServerResponse): void {
    if (this.resources === undefined) return json(response, 404, {});
    const items = [...this.resources].filter(([path]) => path.includes(`/${plural}/`)).map(([, object]) => object);
    json(response, 200, { metadata: { resourceVersion: '1' }, items });
    // What was deleted is let go of by a coordinator, if there is one.
    if (!this.has(paths.coordinators)) return;
    for (const [path, { metadata }] of this.resources)
      if (metadata.deletionTimestamp !== undefined && path.includes(`/${plural}/`)) this.resources.delete(path);
  }

  /** Two to a page, whatever was asked for. */
  #listPods(isOwn: boolean, query: URLSearchParams, response: ServerResponse): void {
    const wanted = (query.get('labelSelector') ?? '').split(',').filter(Boolean);
    const all = [...this.pods.values()].filter(({ metadata }) =>
      wanted.every((each) => {
        const [label = '', value] = each.split('=');
        return metadata?.labels?.[label] === value;
      }),
    );
    const begin = Number(query.get('continue') ?? 0);
    const end = isOwn ? all.length : begin + 2;
    const metadata = end < all.length ? { continue: String(end) } : {};
    json(response, 200, { metadata, items: all.slice(begin, end) });
    for (const name of this.podsOf(wanted.at(-1)?.split('=')[1] ?? 'none'))
      if (this.#leaving.has(name) && this.#isReady(name)) this.pods.delete(name);
  }

  #isReady(pod: string): boolean {
    const on = this.pods.get(pod)?.spec?.nodeName;
    const node = this.nodes.find(({ metadata }) => metadata?.name === on);
    return node?.status?.conditions?.[0]?.status === 'True';
  }

  #make(body: FakeObject, collection: string, response: ServerResponse): void {
    const path = `${collection}/${body.metadata.name}`;
    if (this.has(path)) return json(response, 409, {});
    this.#made += 1;
    const object = { ...body, metadata: { ...body.metadata, uid: `made-${this.#made}` } };
    this.objects.set(path, object);
    for (const { metadata } of this.nodes) {
      const node = metadata?.name ?? '';
      if (metadata?.labels?.['kubernetes.io/os'] !== 'linux') continue;
      const state = this.cleaning(node);
      const name = `cleaner-${this.#made}-${node}`;
      const cleaning = { name: 'uninstall', image: '', imageID: '', ready: false, restartCount: 0 };
      this.addPod(name, {
        node,
        component: 'uninstall-node',
        ...(state !== undefined && { status: { initContainerStatuses: [{ ...cleaning, state }] } }),
      });
    }
    json(response, 201, object);
  }

  #delete(path: string, { preconditions, propagationPolicy }: Deletion, response: ServerResponse): void {
    const resource = this.resources?.get(path);
    if (resource !== undefined) {
      if ((resource.metadata.finalizers ?? []).length === 0) this.resources?.delete(path);
      else resource.metadata.deletionTimestamp = new Date().toISOString();
      return json(response, 200, {});
    }
    const object = this.objects.get(path);
    if (object === undefined) return json(response, 404, {});
    if (preconditions !== undefined && object.metadata.uid !== preconditions.uid) return json(response, 409, {});
    this.objects.delete(path);
    if (propagationPolicy === 'Background')
      for (const name of this.podsOf(componentOf[path] ?? 'none')) this.#leaving.add(name);
    json(response, 200, {});
  }
}
