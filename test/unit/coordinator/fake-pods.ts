/** The pods of a namespace, before an API server of pretence (see api-server.ts): listed, watched and labelled. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiServer, json } from './api-server.ts';

export const namespace = 'podferry-system';

export interface FakePod {
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    deletionTimestamp?: string;
    labels: Record<string, string>;
  };
  spec: { nodeName?: string };
  status: { phase: string; podIP?: string; conditions: { type: string; status: string }[] };
}

/** What a test says of a pod; ready as long as there is an address. */
export interface Change {
  node?: string;
  ip?: string | undefined;
  phase?: string;
  ready?: boolean;
  leaving?: boolean;
  labels?: Record<string, string>;
}

export class FakePods {
  readonly server = new ApiServer();
  readonly pods = new Map<string, FakePod>();
  readonly nodes = new Set<string>();
  /** A watch of an earlier version than this is told that it is forgotten. */
  #oldest = 0;
  #version = 1;
  readonly #watches = new Set<ServerResponse>();

  constructor() {
    this.server.answer = (request, response) => this.#answer(request, response);
  }

  async start(): Promise<void> {
    await this.server.start();
  }

  async stop(): Promise<void> {
    this.#watches.clear();
    await this.server.stop();
  }

  /** Makes it, or changes it. */
  set(name: string, { node, ip, phase, ready, leaving, labels }: Change): void {
    const before = this.pods.get(name);
    const podIP = ip ?? before?.status.podIP;
    const isReady = ready ?? podIP !== undefined;
    const deletionTimestamp = leaving === true ? new Date().toISOString() : undefined;
    const nodeName = node ?? before?.spec.nodeName;
    this.#version += 1;
    const pod: FakePod = {
      metadata: {
        name,
        uid: before?.metadata.uid ?? `uid-${name}-${this.#version}`,
        resourceVersion: String(this.#version),
        // A second each: that is how exact they are.
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date(this.#version * 1_000).toISOString(),
        ...(deletionTimestamp !== undefined && { deletionTimestamp }),
        labels: { ...before?.metadata.labels, ...labels },
      },
      spec: { ...(nodeName !== undefined && { nodeName }) },
      status: {
        phase: phase ?? (podIP === undefined ? 'Pending' : 'Running'),
        ...(podIP !== undefined && { podIP }),
        conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      },
    };
    this.pods.set(name, pod);
    this.#tell(before === undefined ? 'ADDED' : 'MODIFIED', pod);
  }

  remove(name: string): void {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`there is no pod ${name}`);
    this.#version += 1;
    this.pods.delete(name);
    this.#tell('DELETED', { ...pod, metadata: { ...pod.metadata, resourceVersion: String(this.#version) } });
  }

  /** What has been before is known to nobody who comes with an earlier version. */
  forgetVersions(): void {
    this.#oldest = this.#version;
  }

  get watched(): boolean {
    return this.#watches.size > 0;
  }

  #tell(type: string, object: FakePod): void {
    for (const watch of this.#watches) watch.write(`${JSON.stringify({ type, object })}\n`);
  }

  #answer(request: IncomingMessage & { body: string }, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake');
    const [, node] = /^\/api\/v1\/nodes\/([^/]+)$/.exec(pathname) ?? [];
    if (node !== undefined) return json(response, this.nodes.has(node) ? 200 : 404, { metadata: { name: node } });
    const [, name] = new RegExp(`^/api/v1/namespaces/${namespace}/pods(?:/([^/]+))?$`).exec(pathname) ?? [
      '',
      undefined,
    ];
    if (name !== undefined && request.method === 'PATCH') return this.#patch(name, request.body, response);
    if (!pathname.endsWith('/pods') || request.method !== 'GET') return json(response, 500, { message: pathname });
    if (searchParams.get('watch') === 'true') return this.#watch(Number(searchParams.get('resourceVersion')), response);
    const wanted = (searchParams.get('labelSelector') ?? '').split(',').map((each) => each.split('='));
    const items = [...this.pods.values()].filter(({ metadata }) =>
      wanted.every(
        ([key = '', value]) => key in metadata.labels && (value ?? metadata.labels[key]) === metadata.labels[key],
      ),
    );
    json(response, 200, {
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(this.#version) },
      items,
    });
  }

  #watch(since: number, response: ServerResponse): void {
    if (since < this.#oldest) return json(response, 410, { kind: 'Status', code: 410 });
    response.writeHead(200).write('');
    response.flushHeaders();
    // Deletions are not kept: a test that cuts a watch and removes a pod lets the versions be forgotten.
    for (const pod of this.pods.values()) {
      if (Number(pod.metadata.resourceVersion) > since)
        response.write(`${JSON.stringify({ type: 'MODIFIED', object: pod })}\n`);
    }
    this.#watches.add(response);
    response.on('close', () => this.#watches.delete(response));
  }

  #patch(name: string, body: string, response: ServerResponse): void {
    const pod = this.pods.get(name);
    if (pod === undefined) return json(response, 404, {});
    const { metadata } = JSON.parse(body) as { metadata: { labels: Record<string, string | null> } };
    for (const [key, value] of Object.entries(metadata.labels)) {
      if (value === null) Reflect.deleteProperty(pod.metadata.labels, key);
      else pod.metadata.labels[key] = value;
    }
    json(response, 200, pod);
  }
}
