import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from './addresses.ts';
import { expectSame, Steady, within } from './client.ts';
import { Inbox } from './inbox.ts';

/** Messages with numbers, small and large, several ahead of their echoes; at last the server says what it has got. */
export class WebSocketEcho extends Steady {
  readonly kind = 'websocket';
  readonly #socket: WebSocket;
  readonly #opened: Promise<void>;
  readonly #closed: Promise<CloseEvent>;
  readonly #inbox = new Inbox<string>();
  readonly #ahead: string[] = [];
  readonly #digest = createHash('sha256');
  #number = 0;
  #length = 0;

  private constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#inbox.put(String(data)));
    this.#closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    this.#opened = new Promise((resolve, reject) => {
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', ({ message }) => {
        const error = new Error(`the WebSocket failed ${message}`.trim());
        reject(error);
        this.#end(error);
      });
    });
    void this.#closed.then(({ code }) => this.#end(new Error(`the WebSocket was closed (${code})`)));
  }

  static async open({ http }: Addresses): Promise<WebSocketEcho> {
    if (http === undefined) throw new Error('there is no WebSocket server to connect to');
    const host = isIPv6(http.host) ? `[${http.host}]` : http.host;
    const client = new WebSocketEcho(new WebSocket(`ws://${host}:${http.port}/echo`));
    await client.#opened;
    return client;
  }

  protected override async exchange(): Promise<void> {
    this.#number += 1;
    // A frame has its length in seven bits, in sixteen, or in sixty-four.
    const size = [0, 100, 5_000, 70_000][this.#number % 4] ?? 0;
    const message = `${this.#number} ${String(this.#number % 10).repeat(size)}`;
    this.#digest.update(message);
    this.#length += message.length;
    this.#ahead.push(message);
    this.notes.asked();
    this.#socket.send(message);
    await sleep(10);
    if (this.#ahead.length >= 4) await this.#takeOne();
  }

  async #takeOne(): Promise<void> {
    expectSame('an echo', await this.#inbox.take(), this.#ahead.shift());
    this.notes.answered();
  }

  protected override async verify(): Promise<void> {
    while (this.#ahead.length > 0) await this.#takeOne();
    this.#socket.send('sum');
    const sum: unknown = JSON.parse(await this.#inbox.take());
    const expected = { messages: this.#number, length: this.#length, sha256: this.#digest.digest('hex') };
    expectSame('what the server got', sum, expected);
    expectSame('messages more than were sent', this.#inbox.left, 0);
    this.closing = true;
    this.#socket.close(1000);
    const { code } = await within(this.#closed, 'the server has not closed it');
    expectSame('how it was closed', code, 1000);
  }

  #end(error: Error): void {
    this.over(error);
    this.#inbox.fail(error);
  }

  protected override close(): void {
    this.closing = true;
    this.#socket.close();
  }
}
