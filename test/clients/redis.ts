import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../workloads/resp.ts';
import type { Addresses } from './addresses.ts';
import { expectSame, Steady } from './client.ts';
import { askRedis, RedisWire } from './redis-wire.ts';

/**
 * Appends numbers to a key, several commands ahead of the answers. Each is answered with the length so far, so that one
 * that is lost or done twice shows at once, and at the end in the key.
 */
export class RedisPipeline extends Steady {
  readonly kind: string;
  readonly #key: string;
  readonly #wire: RedisWire;
  readonly #ahead = new Set<Promise<void>>();
  #number = 0;

  private constructor(kind: string, key: string, wire: RedisWire) {
    super();
    this.kind = kind;
    this.#key = key;
    this.#wire = wire;
    void wire.ended.then((error) => this.over(error));
  }

  static async open(at: Addresses, id: string): Promise<RedisPipeline> {
    return new RedisPipeline('redis-pipeline', id, await RedisWire.open(at));
  }

  static async openSecure(at: Addresses, id: string): Promise<RedisPipeline> {
    return new RedisPipeline('redis-tls', id, await RedisWire.open(at, true));
  }

  protected override async exchange(): Promise<void> {
    for (let together = 0; together < 4; together += 1) {
      this.#number += 1;
      const answer = this.#append(this.#number)
        .catch((error: unknown) => this.notes.wrong(error))
        .finally(() => this.#ahead.delete(answer));
      this.#ahead.add(answer);
    }
    await sleep(10);
    if (this.#ahead.size >= 16) await Promise.race(this.#ahead);
  }

  async #append(number: number): Promise<void> {
    this.notes.asked();
    expectSame(`the length of ${this.#key}`, await this.#wire.ask('APPEND', this.#key, entry(number)), number * width);
    this.notes.answered();
  }

  protected override async verify(at: Addresses): Promise<void> {
    await Promise.all(this.#ahead);
    const all = Array.from({ length: this.#number }, (_, index) => entry(index + 1)).join('');
    expectSame(`${this.#key}, read by itself`, String(await this.#wire.ask('GET', this.#key)), all);
    expectSame(`${this.#key}, read by another`, String(await askRedis(at, 'GET', this.#key)), all);
  }

  protected override close(): void {
    this.closing = true;
    this.#wire.close();
  }
}

const width = 8;
const entry = (number: number) => `${String(number).padStart(width - 1, '0')},`;

/** Says nothing for as long as it lasts. */
abstract class Waiting extends Steady {
  readonly wire: RedisWire;
  /** By which Redis knows the connection. */
  readonly #id: string;
  readonly #stopped = Promise.withResolvers<void>();

  constructor(wire: RedisWire, id: string) {
    super();
    this.wire = wire;
    this.#id = id;
    void wire.ended.then((error) => this.over(error));
  }

  protected override async exchange(): Promise<void> {
    await this.#stopped.promise;
  }

  override async stop(at: Addresses): Promise<readonly string[]> {
    this.#stopped.resolve();
    return await super.stop(at);
  }

  protected async expectSameConnection(): Promise<void> {
    this.notes.asked();
    expectSame('its number at Redis', await idOf(this.wire), this.#id);
    this.notes.answered();
  }

  protected override close(): void {
    this.closing = true;
    this.wire.close();
  }
}

const idOf = async (wire: RedisWire) => String(await wire.ask('CLIENT', 'ID'));

/** A connection without a word in either direction; at the end one is asked and answered. */
export class RedisSilent extends Waiting {
  readonly kind = 'redis-silent';

  static async open(at: Addresses): Promise<RedisSilent> {
    const wire = await RedisWire.open(at);
    return new RedisSilent(wire, await idOf(wire));
  }

  protected override async verify(): Promise<void> {
    await this.expectSameConnection();
  }
}

/** Has asked, and is answered when somebody else has pushed, which happens at the end. */
export class RedisBlocked extends Waiting {
  readonly kind = 'redis-blocked';
  readonly #list: string;

  private constructor(wire: RedisWire, id: string, list: string) {
    super(wire, id);
    this.#list = list;
    wire.send('BLPOP', list, '0');
  }

  static async open(at: Addresses, list: string): Promise<RedisBlocked> {
    const wire = await RedisWire.open(at);
    return new RedisBlocked(wire, await idOf(wire), list);
  }

  protected override async verify(at: Addresses): Promise<void> {
    expectSame('answers before anything was pushed', this.wire.inbox.left, 0);
    await askRedis(at, 'RPUSH', this.#list, 'pushed');
    expectSame('what it had waited for', words(await this.wire.inbox.take()), [this.#list, 'pushed']);
    await this.expectSameConnection();
  }
}

/** Two connections: what one publishes comes to the other, which never sends, once and in order. */
export class RedisSubscriber extends Steady {
  readonly kind = 'redis-subscriber';
  readonly #channel: string;
  readonly #publisher: RedisWire;
  readonly #subscriber: RedisWire;
  #number = 0;

  private constructor(channel: string, publisher: RedisWire, subscriber: RedisWire) {
    super();
    this.#channel = channel;
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    for (const wire of [publisher, subscriber]) void wire.ended.then((error) => this.over(error));
  }

  static async open(at: Addresses, channel: string): Promise<RedisSubscriber> {
    const [publisher, subscriber] = [await RedisWire.open(at), await RedisWire.open(at)];
    expectSame('subscribing', words(await subscriber.ask('SUBSCRIBE', channel)), ['subscribe', channel, '1']);
    return new RedisSubscriber(channel, publisher, subscriber);
  }

  protected override async exchange(): Promise<void> {
    const number = String((this.#number += 1));
    this.notes.asked();
    expectSame('how many were told', await this.#publisher.ask('PUBLISH', this.#channel, number), 1);
    const message = words(await this.#subscriber.inbox.take());
    expectSame('what came', message, ['message', this.#channel, number]);
    this.notes.answered();
    await sleep(10);
  }

  protected override async verify(): Promise<void> {
    // One that had come twice would be in the place of this one.
    await this.exchange();
    expectSame('messages more than were published', this.#subscriber.inbox.left, 0);
  }

  protected override close(): void {
    this.closing = true;
    this.#publisher.close();
    this.#subscriber.close();
  }
}

const words = (reply: Reply) => (Array.isArray(reply) ? reply.map(String) : String(reply));
