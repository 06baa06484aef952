import { Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { dnsAddress, dnsDomain } from '../subjects/images.ts';
import type { Addresses } from './addresses.ts';
import { expectSame, Steady } from './client.ts';

/** Names that nobody has asked for yet, by UDP. As resolvers do, it asks again what was not answered: datagrams may be lost. */
export class DnsQueries extends Steady {
  readonly kind = 'dns';
  readonly #resolver = new Resolver({ timeout: 2_000, tries: 3 });
  readonly #id: string;
  #number = 0;

  private constructor(id: string) {
    super();
    this.#id = id;
  }

  static open({ dns }: Addresses, id: string): Promise<DnsQueries> {
    if (dns === undefined) return Promise.reject(new Error('there is no name server to ask'));
    const client = new DnsQueries(id);
    client.#resolver.setServers([`${isIPv6(dns.host) ? `[${dns.host}]` : dns.host}:${dns.port}`]);
    return Promise.resolve(client);
  }

  protected override async exchange(): Promise<void> {
    this.#number += 1;
    const name = `${this.#id}-${this.#number}.${dnsDomain}`;
    this.notes.asked();
    expectSame(name, await this.#resolver.resolve4(name), [dnsAddress]);
    this.notes.answered();
    await sleep(10);
  }

  protected override verify(): Promise<void> {
    return Promise.resolve();
  }

  protected override close(): void {
    this.#resolver.cancel();
  }
}
