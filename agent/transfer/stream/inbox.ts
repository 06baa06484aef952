/** The target's end of a stream: from frames to a sink, one entry at a time, within bounded memory. */
import { Fault } from '../../../proto/fault.ts';
import { checkEntry, checkName, describe } from '../entry.ts';
import { storageFault } from '../foreign-error.ts';
import type { Entry, Inbox, Receipt, Sink } from '../transfer.ts';
import { ArrivingBody } from './body.ts';
import { type Kind, kinds } from './frames.ts';
import type { Link, LinkHandler } from './link.ts';
import { Tally } from './tally.ts';

type Item =
  | { kind: 'entry'; entry: Entry; body: ArrivingBody }
  | { kind: 'rehearsal'; body: ArrivingBody }
  | { kind: 'barrier'; id: number; name: string; last: boolean; receipt: Receipt };

/** Bytes that wait for the sink before the source has to wait too. */
const heldLimit = 4 << 20;
/** What an entry counts in it beside its body: a million empty files must not fill the memory either. */
const entryCost = 1 << 10;

export class StreamInbox implements Inbox, LinkHandler {
  readonly token: string;
  readonly #sink: Sink;
  readonly #over: () => void;
  readonly #done = Promise.withResolvers<Receipt>();
  readonly #ended = new AbortController();
  readonly #expiry: NodeJS.Timeout;
  #link: Link | undefined;
  #fault: Fault | undefined;
  #items: Item[] = [];
  #wake: (() => void) | undefined;
  /** Without an entry: a rehearsal. */
  #arriving: { entry?: Entry; body: ArrivingBody; bytes: number } | undefined;
  #held = 0;
  #tally = new Tally(undefined);

  /**
   * @param validMs how long to wait for the connection, in milliseconds
   * @param over called when no connection is to be let in any more
   */
  constructor(token: string, validMs: number, sink: Sink, over: () => void) {
    this.token = token;
    this.#sink = sink;
    this.#over = over;
    this.#done.promise.catch(() => {});
    this.#expiry = setTimeout(() => {
      void this.abort(
        new Fault('DeadlineExceeded', `the source did not connect within ${validMs} ms; see its agent's log`),
      );
    }, validMs);
  }

  get done(): Promise<Receipt> {
    return this.#done.promise;
  }

  get bytes(): number {
    return this.#tally.bytes;
  }

  async abort(reason: Fault): Promise<void> {
    const link = this.#link;
    this.gone(reason);
    await Promise.all([link?.refuse(reason), this.done.catch(() => {})]);
  }

  /** The connection for which the token was good. */
  attach(link: Link): void {
    clearTimeout(this.#expiry);
    this.#link = link;
    this.#tally = new Tally(link.socket);
    link.handler = this;
    link.send(kinds.Welcome);
    this.#serve().then(this.#done.resolve, this.#done.reject);
  }

  gone(fault: Fault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    clearTimeout(this.#expiry);
    this.#over();
    this.#ended.abort(fault);
    this.#arriving?.body.fail(fault);
    for (const item of this.#items) if (item.kind !== 'barrier') item.body.fail(fault);
    this.#stir();
    if (this.#link === undefined) this.#done.reject(fault);
  }

  frame(kind: Kind, value: unknown): void {
    const arriving = this.#arriving;
    if (kind === kinds.Entry && arriving === undefined) {
      const entry = checkEntry(value);
      this.#hold(entryCost);
      this.#queue({ kind: 'entry', entry, body: this.#expect(entry) });
    } else if (kind === kinds.Rehearsal && arriving === undefined) {
      this.#queue({ kind: 'rehearsal', body: this.#expect() });
    } else if (kind === kinds.End && arriving !== undefined) {
      const { entry, bytes, body } = arriving;
      if (entry?.size !== undefined && entry.size !== bytes) throw miscounted(entry, bytes);
      if (entry !== undefined) this.#tally.entry(entry, bytes);
      this.#arriving = undefined;
      body.end();
    } else if (kind === kinds.Barrier && arriving === undefined) {
      this.#queue(this.#barrier(value));
    } else {
      throw new Fault(
        'TransferFailed',
        `a frame of kind ${kind} came where none may: the peer does not keep to the protocol`,
      );
    }
  }

  data(part: Buffer): void {
    const arriving = this.#arriving;
    if (arriving === undefined) throw new Fault('TransferFailed', 'bytes came that belong to no entry');
    arriving.bytes += part.length;
    const { entry, bytes } = arriving;
    if (entry?.size !== undefined && bytes > entry.size) throw miscounted(entry, bytes);
    if (entry !== undefined) this.#tally.data(part);
    this.#hold(part.length);
    arriving.body.push(part);
  }

  #expect(entry?: Entry): ArrivingBody {
    const body = new ArrivingBody((bytes) => this.#release(bytes));
    this.#arriving = { ...(entry === undefined ? {} : { entry }), body, bytes: 0 };
    return body;
  }

  /** Compares what has arrived until now with what the source says that it sent. */
  #barrier(value: unknown): Item {
    const { id, name, last, bytes, digest } = (value ?? {}) as Record<string, unknown>;
    const receipt = this.#tally.receipt();
    if (bytes !== receipt.bytes || digest !== receipt.digest) {
      const [sent, came] = [JSON.stringify({ bytes, digest }), JSON.stringify(receipt)];
      throw new Fault(
        'VerifyFailed',
        `what arrived until ${String(name)} is not what was sent: ${came} instead of ${sent}`,
      );
    }
    return { kind: 'barrier', id: Number(id), name: checkName(name), last: last === true, receipt };
  }

  async #serve(): Promise<Receipt> {
    for (;;) {
      const item = await this.#next();
      if (item.kind === 'entry') {
        await this.#give(item.entry, item.body);
      } else if (item.kind === 'rehearsal') {
        await this.#try(() => discard(item.body), 'the rehearsal failed');
      } else {
        const { id, name, last, receipt } = item;
        await this.#try(() => this.#sink.settle?.(last, this.#ended.signal), `the target could not finish ${name}`);
        this.#link?.send(kinds.Receipt, { id, ...receipt });
        if (last) return this.#seal(receipt);
      }
    }
  }

  async #give(entry: Entry, body: ArrivingBody): Promise<void> {
    const what = `the target could not take ${describe(entry)}`;
    await this.#try(() => this.#sink.accept(entry, body, this.#ended.signal), what);
    body.skip();
    this.#release(entryCost);
  }

  async #try(call: () => Promise<void> | undefined, what: string): Promise<void> {
    try {
      await call();
    } catch (error) {
      const fault = this.#fault ?? storageFault(error, what);
      void this.#link?.refuse(fault);
      this.gone(fault);
    }
    if (this.#fault !== undefined) throw this.#fault;
  }

  #seal(receipt: Receipt): Receipt {
    this.#over();
    void this.#link?.hangUp();
    return receipt;
  }

  async #next(): Promise<Item> {
    for (;;) {
      if (this.#fault !== undefined) throw this.#fault;
      const item = this.#items.shift();
      if (item !== undefined) return item;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #queue(item: Item): void {
    this.#items.push(item);
    this.#stir();
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #hold(bytes: number): void {
    this.#held += bytes;
    if (this.#held > heldLimit) this.#link?.socket.pause();
  }

  #release(bytes: number): void {
    this.#held -= bytes;
    if (this.#held < heldLimit / 2 && this.#link?.socket.isPaused()) this.#link.socket.resume();
  }
}

async function discard(body: ArrivingBody): Promise<void> {
  for await (const parts of body.batches()) parts.length = 0;
}

function miscounted(entry: Entry, bytes: number): Fault {
  return new Fault('VerifyFailed', `${describe(entry)} has ${entry.size} bytes, but ${bytes} or more came`);
}
