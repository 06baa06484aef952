/**
 * An API server that keeps PodMigrations, and whose test is the coordinator: a fake, for what a real cluster cannot be made
 * to do on demand, like nobody taking up what was asked for. What a real one says is tested in test/cluster/plugins.test.ts.
 */
import type { ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { PodMigration, Status } from '../../../coordinator/resource/pod-migration.ts';
import { ApiServer, json } from '../coordinator/api-server.ts';

const path = /^\/apis\/podferry\.dev\/v1alpha1(?:\/namespaces\/([^/]+))?\/podmigrations(?:\/([^/?]+))?/;

export class ObjectServer {
  readonly api = new ApiServer();
  readonly objects = new Map<string, PodMigration>();
  /** Namespaces whose objects may be seen; undefined: all. */
  visible: string | undefined;
  /** Told of each that is made, when somebody watches. */
  made: (object: PodMigration) => void = () => {};
  #version = 1;
  readonly #unseen: PodMigration[] = [];
  readonly #history: { version: number; type: string; object: PodMigration }[] = [];
  readonly #watchers = new Set<Watcher>();

  async start(): Promise<void> {
    await this.api.start();
    this.api.answer = (request, response) => {
      const [, namespace, name] = path.exec(request.url ?? '') ?? [];
      if (!path.test(request.url ?? '')) return json(response, 404, { kind: 'Status', message: 'no such thing' });
      if (this.visible !== undefined && namespace !== this.visible) return json(response, 403, forbidden);
      if (request.method === 'POST')
        return json(response, 201, this.#create(namespace ?? '', JSON.parse(request.body)));
      if (request.method === 'DELETE') return json(response, 200, this.#delete(name ?? ''));
      const query = new URL(request.url ?? '', 'http://localhost').searchParams;
      if (query.get('watch') === 'true') return this.#watch(response, namespace, Number(query.get('resourceVersion')));
      json(response, 200, { items: this.#in(namespace), metadata: { resourceVersion: String(this.#version) } });
    };
  }

  async stop(): Promise<void> {
    await this.api.stop();
  }

  put(name: string, status?: Status, finalizers: string[] = ['podferry.dev/migration']): void {
    const object = this.objects.get(name);
    if (object === undefined) throw new Error(`there is no ${name}`);
    const metadata = { ...object.metadata, finalizers, resourceVersion: String((this.#version += 1)) };
    const next = { ...object, metadata, ...(status !== undefined && { status }) };
    this.objects.set(name, next);
    this.#tell('MODIFIED', next);
  }

  remove(name: string): void {
    const object = this.objects.get(name);
    if (object === undefined) return;
    this.objects.delete(name);
    this.#version += 1;
    this.#tell('DELETED', object);
  }

  #create(namespace: string, body: Pick<PodMigration, 'spec'> & { metadata: { generateName: string } }): PodMigration {
    const name = `${body.metadata.generateName}x${this.objects.size}`;
    const metadata = { namespace, name, uid: randomUUID(), resourceVersion: String((this.#version += 1)) };
    const object = { ...body, metadata };
    this.objects.set(name, object);
    this.#tell('ADDED', object);
    this.#unseen.push(object);
    return object;
  }

  /** At once, unless somebody holds it. */
  #delete(name: string): object {
    if ((this.objects.get(name)?.metadata.finalizers ?? []).length === 0) this.remove(name);
    return { kind: 'Status', status: 'Success' };
  }

  #in(namespace: string | undefined): PodMigration[] {
    return [...this.objects.values()].filter(
      ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
    );
  }

  #watch(response: ServerResponse, namespace: string | undefined, since: number): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watcher = { response, namespace };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
    for (const { version, type, object } of this.#history) if (version > since) send(watcher, type, object);
    for (const object of this.#unseen.splice(0)) this.made(object);
  }

  #tell(type: string, object: PodMigration): void {
    this.#history.push({ version: this.#version, type, object });
    for (const watcher of this.#watchers) send(watcher, type, object);
  }
}

interface Watcher {
  response: ServerResponse;
  namespace: string | undefined;
}

function send({ response, namespace }: Watcher, type: string, object: PodMigration): void {
  if (namespace !== undefined && namespace !== object.metadata.namespace) return;
  response.write(`${JSON.stringify({ type, object })}\n`);
}

const forbidden = { kind: 'Status', code: 403, message: 'User "eddy" cannot list resource "podmigrations"' };
