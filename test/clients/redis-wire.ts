import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { redisName } from '../subjects/images.ts';
import { type Reply, readReply, ReplyError, writeCommand } from '../workloads/resp.ts';
import type { Addresses } from './addresses.ts';
import { Inbox } from './inbox.ts';

/** One connection to a Redis, which is never made again. */
export class RedisWire {
  /** Replies in order, asked for or not. */
  readonly inbox = new Inbox<Reply>();
  /** Resolves when it is over, with the reason. */
  readonly ended: Promise<Error>;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.ended = new Promise<Error>((resolve) => {
      socket.on('error', resolve);
      socket.on('close', () => resolve(new Error('the connection to Redis was closed')));
    });
    void this.ended.then((error) => this.inbox.fail(error));
  }

  /** @param secure by TLS */
  static async open({ redis }: Addresses, secure = false): Promise<RedisWire> {
    if (redis === undefined) throw new Error('there is no Redis to connect to');
    const { host } = redis;
    const socket = secure
      ? connectTls({ host, port: redis.tlsPort, ca: redis.authority, servername: redisName })
      : createConnection({ host, port: redis.port, noDelay: true });
    await once(socket, secure ? 'secureConnect' : 'connect');
    return new RedisWire(socket);
  }

  send(...words: string[]): void {
    this.#socket.write(writeCommand(words));
  }

  /** Sends, and takes the next reply: for who asks one thing after the other, or several without waiting. */
  async ask(...words: string[]): Promise<Reply> {
    this.send(...words);
    const reply = await this.inbox.take();
    if (reply instanceof ReplyError) throw reply;
    return reply;
  }

  close(): void {
    this.#socket.destroySoon();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let at = 0;
    for (let read = readReply(this.#received, at); read !== undefined; read = readReply(this.#received, at)) {
      at = read.next;
      this.inbox.put(read.reply);
    }
    this.#received = this.#received.subarray(at);
  }
}

/** Asks on a connection of its own. */
export async function askRedis(at: Addresses, ...words: string[]): Promise<Reply> {
  const wire = await RedisWire.open(at);
  try {
    return await wire.ask(...words);
  } finally {
    wire.close();
  }
}
