/** Transport by way of a directory that both nodes have mounted, for when the operator wants the bytes to go there. */
import { Fault } from '../../../proto/fault.ts';
import type { Destination, Grant, Inbox, Outbox, Receipt, Sink, Transport } from '../transfer.ts';
import type { StreamTransport } from '../stream/stream.ts';
import { NfsOutbox } from './outbox.ts';
import type { Share } from './share.ts';
import { NfsSink } from './sink.ts';

export class NfsTransport implements Transport {
  readonly name = 'nfs';
  readonly #share: Share;
  readonly #stream: StreamTransport;

  /** @param stream for announcements and receipts: its sockets are authenticated, the directory is not */
  constructor(share: Share, stream: StreamTransport) {
    this.#share = share;
    this.#stream = stream;
  }

  async open(to: Destination, signal: AbortSignal): Promise<Outbox> {
    const inner = await this.#stream.dial(to, signal);
    try {
      const outbox = new NfsOutbox(inner, this.#share, await this.#share.make(to.migration), to);
      await outbox.begin(signal);
      return outbox;
    } catch (error) {
      const fault = Fault.from(error, 'TransportUnavailable');
      await inner.abort(fault);
      throw fault;
    }
  }

  expect(grant: Grant, sink: Sink): Inbox {
    const stored = new NfsSink(this.#share, grant.migration, sink);
    return new NfsInbox(this.#stream.expect(grant, stored), stored);
  }

  async sweep(alive: ReadonlySet<string>): Promise<string[]> {
    return await this.#share.sweep(alive);
  }
}

class NfsInbox implements Inbox {
  readonly token: string;
  readonly done: Promise<Receipt>;
  readonly #inner: Inbox;
  readonly #stored: NfsSink;

  constructor(inner: Inbox, stored: NfsSink) {
    this.token = inner.token;
    this.#inner = inner;
    this.#stored = stored;
    this.done = this.#end();
    this.done.catch(() => {});
  }

  get bytes(): number {
    return this.#stored.bytes;
  }

  async abort(reason: Fault): Promise<void> {
    await this.#inner.abort(reason);
    await this.done.catch(() => {});
  }

  async #end(): Promise<Receipt> {
    try {
      await this.#inner.done;
      return this.#stored.receipt();
    } finally {
      await this.#stored.remove();
    }
  }
}
