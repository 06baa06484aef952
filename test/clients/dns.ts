import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { dnsAddress, dnsDomain } from '../subjects/images.ts';
import type { Addresses, Place } from './addresses.ts';
import { expectSame, patienceMs, Steady, within } from './client.ts';

/** Milliseconds from an answer to the next question. */
const restMs = 5;

/** Asks for names that nobody has asked for yet, by UDP, and each once: a datagram that is lost is an error. */
abstract class DnsQueries extends Steady {
  readonly #id: string;
  #number = 0;

  constructor(id: string) {
    super();
    this.#id = id;
  }

  protected override async exchange(): Promise<void> {
    this.#number += 1;
    const name = `${this.#id}-${this.#number}.${dnsDomain}`;
    this.notes.asked();
    expectSame(name, await this.ask(name), [dnsAddress]);
    this.notes.answered();
    await sleep(restMs);
  }

  protected abstract ask(name: string): Promise<string[]>;

  protected override verify(): Promise<void> {
    return Promise.resolve();
  }
}

/** By the resolver of the library, from another port each time. */
export class DnsResolver extends DnsQueries {
  readonly kind = 'dns-resolver';
  readonly #server: string;

  private constructor(id: string, { host, port }: Place) {
    super(id);
    this.#server = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  }

  static open({ dns }: Addresses, id: string): Promise<DnsResolver> {
    if (dns === undefined) return Promise.reject(new Error('there is no name server to ask'));
    return Promise.resolve(new DnsResolver(id, dns));
  }

  protected override async ask(name: string): Promise<string[]> {
    const resolver = new Resolver({ timeout: patienceMs, tries: 1 });
    resolver.setServers([this.#server]);
    return await resolver.resolve4(name);
  }

  protected override close(): void {
    // Nothing stays open between two questions.
  }
}

/** By one socket for all questions, which takes answers from nobody but whom it has asked. */
export class DnsSocket extends DnsQueries {
  readonly kind = 'dns-socket';
  readonly #socket: Socket;
  #number = 0;

  private constructor(id: string, socket: Socket) {
    super(id);
    this.#socket = socket;
    // What ICMP says: the server is not there.
    socket.on('error', (error) => this.over(error));
  }

  static async open({ dns }: Addresses, id: string): Promise<DnsSocket> {
    if (dns === undefined) throw new Error('there is no name server to ask');
    const socket = createSocket(isIPv6(dns.host) ? 'udp6' : 'udp4');
    socket.connect(dns.port, dns.host);
    await once(socket, 'connect');
    return new DnsSocket(id, socket);
  }

  protected override async ask(name: string): Promise<string[]> {
    const number = (this.#number = (this.#number + 1) % 0x1_0000);
    const answer = once(this.#socket, 'message');
    answer.catch(() => {});
    this.#socket.send(question(number, name));
    const [message] = (await within(answer, `${name}: no answer`)) as [Buffer];
    return addressesIn(message, number);
  }

  protected override close(): void {
    this.closing = true;
    this.#socket.close();
  }
}

/** For an address of IPv4, as RFC 1035 has it. */
function question(number: number, name: string): Buffer {
  const head = Buffer.alloc(12);
  const wantsRecursion = 0x0100;
  head.writeUInt16BE(number, 0);
  head.writeUInt16BE(wantsRecursion, 2);
  head.writeUInt16BE(1, 4);
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const [root, typeA, classIn] = [[0], [0, 1], [0, 1]] as const;
  return Buffer.concat([head, ...labels, Buffer.from([...root, ...typeA, ...classIn])]);
}

/** @throws when it is no answer to this question, or an error. One address at most, at the end. */
function addressesIn(message: Buffer, number: number): string[] {
  expectSame('the number of the question', message.readUInt16BE(0), number);
  expectSame('what came of it', message.readUInt16BE(2) & 0x800f, 0x8000);
  return message.readUInt16BE(6) === 0 ? [] : [message.subarray(-4).join('.')];
}
