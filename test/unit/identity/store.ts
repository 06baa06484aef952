/**
 * Objects of an API server that is made up: it keeps Secrets, ConfigMaps and pods, refuses a write over another version,
 * and knows tokens. A fake for tokens that no real one would give; see test/cluster/identity.test.ts for a real one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiServer, json } from '../coordinator/api-server.ts';

export const namespace = 'podferry-system';
export const agentUser = `system:serviceaccount:${namespace}:podferry-agent`;

interface Stored {
  metadata: { name: string; uid?: string; resourceVersion?: string };
  data?: Record<string, string>;
  spec?: object;
}

export interface Token {
  username: string;
  audiences: readonly string[];
  extra: Record<string, string[]>;
}

export class Store {
  readonly server = new ApiServer();
  readonly objects = new Map<string, Stored>();
  readonly tokens = new Map<string, Token>();
  /** Writes, as KIND NAME, in order. */
  readonly writes: string[] = [];
  #version = 0;

  async start(): Promise<void> {
    this.server.answer = (request, response) => this.#answer(request, response);
    await this.server.start();
  }

  /** A pod of an agent, and the token that kubelet would project into it. */
  addAgent(node: string, changes: { token?: Partial<Token>; pod?: object } = {}): string {
    const name = `podferry-agent-${node}`;
    const uid = `uid-of-${name}`;
    const spec = { serviceAccountName: 'podferry-agent', nodeName: node, containers: [] };
    this.put('pods', { metadata: { name, uid }, spec: { ...spec, ...changes.pod } });
    const said = { 'pod-name': [name], 'pod-uid': [uid], 'node-name': [node] };
    const extra = Object.fromEntries(
      Object.entries(said).map(([key, value]) => [`authentication.kubernetes.io/${key}`, value]),
    );
    const token = `token.${this.tokens.size}`;
    this.tokens.set(token, { username: agentUser, audiences: ['podferry'], extra, ...changes.token });
    return token;
  }

  put(kind: string, object: Stored): void {
    this.#version += 1;
    const metadata = { ...object.metadata, namespace, resourceVersion: String(this.#version) };
    this.objects.set(`${kind}/${metadata.name}`, { ...object, metadata });
  }

  get secret(): Record<string, string> {
    const secret = this.objects.get('secrets/podferry-authority');
    return Object.fromEntries(
      Object.entries(secret?.data ?? {}).map(([name, text]) => [name, Buffer.from(text, 'base64').toString()]),
    );
  }

  putSecret(fields: Record<string, string>): void {
    const data = Object.fromEntries(
      Object.entries(fields).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
    );
    this.put('secrets', { metadata: { name: 'podferry-authority' }, data });
  }

  get trust(): string {
    return this.objects.get('configmaps/podferry-trust')?.data?.['ca.crt'] ?? '';
  }

  #answer({ method, url = '', body }: IncomingMessage & { body: string }, response: ServerResponse): void {
    if (url.endsWith('/tokenreviews')) return this.#review(JSON.parse(body), response);
    const [, kind = '', name] = new RegExp(`^/api/v1/namespaces/${namespace}/(\\w+)(?:/([\\w.-]+))?$`).exec(url) ?? [];
    const refuse = (code: number) => json(response, code, { kind: 'Status', code, message: `${code} of ${url}` });
    if (method === 'GET') {
      const found = this.objects.get(`${kind}/${name}`);
      return found === undefined ? refuse(404) : json(response, 200, found);
    }
    const sent = JSON.parse(body) as Stored;
    const has = this.objects.get(`${kind}/${sent.metadata.name}`);
    const isRight =
      method === 'POST'
        ? has === undefined
        : has?.metadata.resourceVersion === (sent.metadata.resourceVersion ?? 'one that is missing');
    if (!isRight) return refuse(409);
    this.writes.push(`${kind} ${sent.metadata.name}`);
    this.put(kind, sent);
    json(response, method === 'POST' ? 201 : 200, this.objects.get(`${kind}/${sent.metadata.name}`));
  }

  #review({ spec }: { spec: { token: string; audiences?: string[] } }, response: ServerResponse): void {
    const token = this.tokens.get(spec.token);
    const audiences = spec.audiences?.filter((each) => token?.audiences.includes(each)) ?? [];
    if (token === undefined || audiences.length === 0)
      return json(response, 201, { status: { authenticated: false, error: 'it is not for this audience' } });
    const user = { username: token.username, uid: 'u', extra: token.extra };
    json(response, 201, { status: { authenticated: true, user, audiences } });
  }
}
