/** A Redis of three commands that misbehaves when it is told to. Throws on a command that it does not know. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { readReply, type Reply, writeCommand } from '../workloads/resp.ts';

export class FakeRedis {
  readonly data = new Map<string, string>();
  /** What becomes of a command instead of an answer. */
  fault: 'none' | 'silent' | 'reset' | 'close' = 'none';
  /** What PING is answered with. */
  pong = '+PONG';
  /** Commands that nobody will answer. */
  unanswered = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  async listen(host: string, port = 0): Promise<number> {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => this.#receive(socket, chunk));
    }).listen(port, host);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (this.#server === undefined) return;
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), 'close');
    this.#server = undefined;
  }

  /** A whole command a chunk: the writer sends no other. */
  #receive(socket: Socket, chunk: Buffer): void {
    const words = readReply(chunk, 0)?.reply;
    if (!Array.isArray(words)) throw new Error(`not a command: ${chunk.toString()}`);
    if (this.fault === 'reset') return void socket.resetAndDestroy();
    if (this.fault === 'close') return void socket.end();
    if (this.fault === 'silent') {
      this.unanswered += 1;
      return;
    }
    socket.write(this.#answer(words));
  }

  #answer([name, ...rest]: Reply[]): Buffer | string {
    const words = rest.map(String);
    switch (String(name)) {
      case 'PING':
        return `${this.pong}\r\n`;
      case 'SET':
        this.data.set(words[0] ?? '', words[1] ?? '');
        return '+OK\r\n';
      case 'MGET':
        // An array of values is written as a command is.
        return writeCommand(words.map((key) => this.data.get(key) ?? ''));
      default:
        throw new Error(`not known here: ${String(name)}`);
    }
  }
}
