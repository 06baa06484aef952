import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from './addresses.ts';
import { expectSame, Steady } from './client.ts';

interface Asked {
  asked: ClientRequest;
  answered: Promise<IncomingMessage>;
}

/**
 * One connection, and a request under way on it all the time: now an answer that comes slowly, line by line, now a
 * question that goes slowly. Whether it is still the one that was opened, its socket tells here, and the server's count
 * of requests there.
 */
export class HttpKeepAlive extends Steady {
  readonly kind = 'http-keep-alive';
  readonly #at: { host: string; port: number };
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #socket: Socket | undefined;
  #connection: string | undefined;
  #requests = 0;
  #lines = 0;

  private constructor(at: { host: string; port: number }) {
    super();
    this.#at = at;
  }

  static async open({ http }: Addresses): Promise<HttpKeepAlive> {
    if (http === undefined) throw new Error('there is no HTTP server to connect to');
    const client = new HttpKeepAlive(http);
    await client.#readLines(1, 0);
    return client;
  }

  protected override async exchange(): Promise<void> {
    await this.#readLines(20, 50);
    await this.#digest(20, 25);
  }

  async #readLines(count: number, ms: number): Promise<void> {
    const { asked, answered } = this.#ask('GET', `/lines?from=${this.#lines}&count=${count}&ms=${ms}`);
    this.notes.asked();
    asked.end();
    const answer = this.#check(await answered);
    const first = this.#lines;
    for await (const line of createInterface({ input: answer })) {
      expectSame('a line', line, String(this.#lines));
      this.#lines += 1;
      this.notes.answered();
      this.notes.asked();
    }
    this.notes.answered();
    expectSame('lines that came', this.#lines - first, count);
    if (!answer.complete) throw new Error('the answer broke off');
  }

  async #digest(count: number, ms: number): Promise<void> {
    const block = Buffer.alloc(3_000, this.#requests);
    const digest = createHash('sha256');
    const { asked, answered } = this.#ask('POST', '/digest', { 'Content-Length': String(count * block.length) });
    for (let number = 0; number < count; number += 1) {
      block.writeUInt32BE(number);
      digest.update(block);
      asked.write(Buffer.from(block));
      await sleep(ms);
    }
    this.notes.asked();
    asked.end();
    const answer = await json(this.#check(await answered));
    expectSame('what the server got', answer, { length: count * block.length, sha256: digest.digest('hex') });
    this.notes.answered();
  }

  #ask(method: string, path: string, headers: Record<string, string> = {}): Asked {
    const asked = request({ ...this.#at, agent: this.#agent, method, path, headers });
    asked.once('socket', (socket) => this.#useOf(socket));
    asked.on('error', (error) => this.over(error));
    // The answer may be there before the question's end has gone, so it is waited for from the beginning.
    const answered = once(asked, 'response').then(([answer]) => answer as IncomingMessage);
    answered.catch(() => {});
    return { asked, answered };
  }

  #useOf(socket: Socket): void {
    if (this.#socket === undefined) socket.once('close', () => this.over('the connection to the server was closed'));
    else if (this.#socket !== socket) this.over('a second connection was needed');
    this.#socket ??= socket;
  }

  #check(answer: IncomingMessage): IncomingMessage {
    const { 'x-connection': connection, 'x-request': number } = answer.headers;
    this.#connection ??= String(connection);
    expectSame('the number of its connection', connection, this.#connection);
    expectSame('requests on it, as the server counts', number, String((this.#requests += 1)));
    return answer;
  }

  protected override async verify(): Promise<void> {
    await this.#readLines(1, 0);
  }

  protected override close(): void {
    this.closing = true;
    this.#agent.destroy();
  }
}
