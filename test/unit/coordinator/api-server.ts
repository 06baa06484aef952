/**
 * A stand-in for an API server, a fake for what a real one cannot be made to do on demand: forget versions, cut a watch
 * in the middle of a line, refuse and fall silent. What a real one says is tested in test/cluster/resource.test.ts.
 * It knows nothing but what a test puts before it; any other request is a mistake of the test and answered with 500.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

export type Answer = (request: IncomingMessage & { body: string }, response: ServerResponse) => void | Promise<void>;

export class ApiServer {
  /** METHOD /path?query of each request, in order. */
  readonly requests: string[] = [];
  answer: Answer = (_request, response) => void response.writeHead(500).end();
  #server: Server | undefined;
  #port = 0;

  async start(): Promise<void> {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As if it were killed: connections are cut, new ones refused. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  config(): KubeConfig {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'fake', server: `http://127.0.0.1:${this.#port}`, skipTLSVerify: true },
      { name: 'nobody' },
    );
    return config;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    await this.answer(Object.assign(request, { body: Buffer.concat(chunks).toString() }), response);
  }
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
