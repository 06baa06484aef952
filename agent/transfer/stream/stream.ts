/** Transport from agent to agent: nothing rests anywhere on the way. */
import type { Identity } from '../../../proto/identity.ts';
import type { Destination, Grant, Inbox, Outbox, Sink, Transport } from '../transfer.ts';
import { connect, reach } from './connect.ts';
import type { Link, LinkHandler } from './link.ts';
import type { Listener, PagesGrant } from './listener.ts';
import type { StreamOutbox } from './outbox.ts';

/** Longer than a garbage collection, shorter than any freeze may take. */
export const defaultStallMs = 3_000;

/** Measured: 16 MiB make no difference, 32 take a process's first 15 MB over loopback from 45 ms to less than 30. */
const defaultRehearsalBytes = 32 << 20;

export interface StreamOptions {
  /** Silence after which a peer counts as gone, in milliseconds. */
  stallMs?: number;
  /** Sent before anything that counts; less when it takes long. */
  rehearsalBytes?: number;
}

export class StreamTransport implements Transport {
  readonly name = 'stream';
  readonly #listener: Listener;
  readonly #identity: Identity;
  readonly #stallMs: number;
  readonly #rehearsalBytes: number;

  constructor(listener: Listener, identity: Identity, options: StreamOptions = {}) {
    this.#listener = listener;
    this.#identity = identity;
    this.#stallMs = options.stallMs ?? defaultStallMs;
    this.#rehearsalBytes = options.rehearsalBytes ?? defaultRehearsalBytes;
  }

  async open(to: Destination, signal: AbortSignal): Promise<Outbox> {
    const outbox = await this.dial(to, signal);
    await outbox.rehearse(this.#rehearsalBytes, signal);
    return outbox;
  }

  /** For a transport whose bytes take another way: connected and welcome, but not rehearsed. */
  async dial(to: Destination, signal: AbortSignal): Promise<StreamOutbox> {
    return await connect(to, this.#identity, this.#stallMs, signal);
  }

  /** A second connection, of post-copy. @param made called once welcome; it sets the link's handler */
  async dialPages<Made>(
    to: Pick<Destination, 'migration' | 'address' | 'peer' | 'token'>,
    made: (link: Link) => Made,
    signal: AbortSignal,
  ): Promise<Made> {
    return await reach(to, 'pages', made, { identity: this.#identity, stallMs: this.#stallMs }, signal);
  }

  /** @returns what ends it */
  expectPages(grant: PagesGrant, met: (link: Link) => LinkHandler): () => void {
    return this.#listener.expectPages(grant, met);
  }

  expect(grant: Grant, sink: Sink): Inbox {
    return this.#listener.expect(grant, sink);
  }

  /** Nothing outlives a connection. */
  sweep(): Promise<string[]> {
    return Promise.resolve([]);
  }
}
