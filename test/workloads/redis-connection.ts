/**
 * One connection to a Redis, by hand. A client library would connect again and repeat commands by itself, and what
 * happens to a single connection and a single write is the very thing that is measured here.
 */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { type Reply, readReply, ReplyError, writeCommand } from './resp.ts';

/** How a client sees that a connection cannot be had, or is over. */
export type Break = 'refused' | 'reset' | 'closed' | 'timeout' | 'unreachable' | 'rejected';

export class Broken extends Error {
  readonly kind: Break;

  constructor(kind: Break, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

const kinds: Record<string, Break> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
};

interface Waiting {
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

export class RedisConnection {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #received: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#break(translate(error)));
    socket.on('close', () => this.#break(new Broken('closed', 'the connection was closed without an answer')));
  }

  /** @throws Broken */
  static async open(host: string, port: number, timeoutMs: number): Promise<RedisConnection> {
    const socket = createConnection({ host, port, noDelay: true });
    const timer = endAfter(socket, timeoutMs);
    try {
      await once(socket, 'connect');
      return new RedisConnection(socket);
    } catch (error) {
      throw translate(error as Error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Several may be under way: answers come in order. @throws Broken, after which the connection is of no use */
  async command(words: readonly (string | Buffer)[], timeoutMs: number): Promise<Reply> {
    if (this.#socket.destroyed) throw new Broken('closed', 'the connection is closed');
    const timer = endAfter(this.#socket, timeoutMs);
    try {
      const reply = await new Promise<Reply>((resolve, reject) => {
        this.#waiting.push({ resolve, reject });
        this.#socket.write(writeCommand(words));
      });
      if (reply instanceof ReplyError) throw new Broken('rejected', `${String(words[0])}: ${reply.message}`);
      return reply;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let at = 0;
    for (let read = readReply(this.#received, at); read !== undefined; read = readReply(this.#received, at)) {
      at = read.next;
      this.#waiting.shift()?.resolve(read.reply);
    }
    this.#received = this.#received.subarray(at);
  }

  #break(error: Broken): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function endAfter(socket: Socket, ms: number): NodeJS.Timeout {
  const end = () => socket.destroy(new Broken('timeout', `no answer within ${Math.round(ms)} ms`));
  return setTimeout(end, Math.max(0, ms));
}

function translate(error: Error): Broken {
  if (error instanceof Broken) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  // Whatever else there may be has to be seen, not counted as something it is not.
  const kind = kinds[code];
  if (kind === undefined) throw error;
  return new Broken(kind, error.message, { cause: error });
}
