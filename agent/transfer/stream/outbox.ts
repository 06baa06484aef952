/** The source's end of a stream: from files and buffers to frames, in large writes. */
import { Fault } from '../../../proto/fault.ts';
import { checkEntry, checkName, describe } from '../entry.ts';
import type { Body, Destination, Entry, Outbox, Receipt } from '../transfer.ts';
import { unless } from '../unless.ts';
import { type Kind, kinds } from './frames.ts';
import type { Link, LinkHandler } from './link.ts';
import { Writer } from './writer.ts';

/** On a slow network it is the network that counts, and should not be filled for this. */
const rehearsalMs = 150;

interface Awaited {
  name: string;
  last: boolean;
  expected: Receipt;
  answer: PromiseWithResolvers<Receipt>;
}

export class StreamOutbox implements Outbox, LinkHandler {
  readonly #link: Link;
  readonly #writer: Writer;
  readonly #lost = new AbortController();
  readonly #awaited = new Map<number, Awaited>();
  /** Entries must not mix: each put begins when this one has ended. */
  #tail: Promise<unknown> = Promise.resolve();
  #barriers = 0;
  #sealed = false;

  constructor(link: Link, to: Pick<Destination, 'onProgress'>) {
    this.#link = link;
    link.handler = this;
    this.#writer = new Writer(link.socket, this.#lost.signal, to.onProgress ?? (() => {}));
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get bytes(): number {
    return this.#writer.tally.bytes;
  }

  /**
   * Before anything that counts: a process that has never sent, or a fresh connection, is half as fast as one that has.
   * V8 has not compiled the way from file to file yet, nor TCP opened its window.
   */
  async rehearse(bytes: number, signal: AbortSignal): Promise<void> {
    await this.#inTurn(() => this.#writer.rehearse(bytes, rehearsalMs));
    await this.#ask('rehearsal', false, signal);
  }

  async put(entry: Entry, body?: Body): Promise<void> {
    const checked = checkEntry(entry);
    await this.#inTurn(async () => {
      try {
        await unless(this.lost, this.#writer.entry(checked, body ?? Buffer.alloc(0)));
      } catch (error) {
        // Half an entry is on its way: there is nothing that could follow it.
        const what = `cannot send ${describe(checked)}`;
        const fault = Fault.from(error, 'TransferFailed', what);
        void this.abort(fault);
        throw this.#lost.signal.reason;
      }
    });
  }

  async barrier(name: string, signal: AbortSignal): Promise<Receipt> {
    return await this.#ask(name, false, signal);
  }

  async seal(signal: AbortSignal): Promise<Receipt> {
    return await this.#ask('seal', true, signal);
  }

  async abort(reason: Fault): Promise<void> {
    if (this.#sealed) return;
    this.gone(reason);
    await this.#link.refuse(reason);
  }

  frame(kind: Kind, value: unknown): void {
    const { id, bytes, digest } = (value ?? {}) as Record<string, unknown>;
    const awaited = kind === kinds.Receipt ? this.#awaited.get(Number(id)) : undefined;
    if (awaited === undefined) {
      throw new Fault('TransferFailed', `a frame of kind ${kind} came from ${this.#link.peer} where none may`);
    }
    const { expected, name, last, answer } = awaited;
    if (bytes !== expected.bytes || digest !== expected.digest) {
      throw new Fault('VerifyFailed', `${this.#link.peer} does not hold what was sent until ${name}`);
    }
    this.#awaited.delete(Number(id));
    if (last) this.#close();
    answer.resolve(expected);
  }

  data(): void {
    throw new Fault('TransferFailed', `${this.#link.peer} sends bytes, but may only receive`);
  }

  gone(fault: Fault): void {
    if (this.#lost.signal.aborted || this.#sealed) return;
    this.#lost.abort(fault);
    for (const { answer } of this.#awaited.values()) answer.reject(fault);
    this.#awaited.clear();
  }

  /** At once, not when the waiter gets its turn: the target hangs up too, and that is no fault any more. */
  #close(): void {
    this.#sealed = true;
    void this.#link.hangUp();
  }

  async #ask(name: string, last: boolean, signal: AbortSignal): Promise<Receipt> {
    checkName(name);
    const answer = Promise.withResolvers<Receipt>();
    answer.promise.catch(() => {});
    const cancel = () => void this.abort(Fault.from(signal.reason, 'Cancelled', `waiting for ${name} was cancelled`));
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      await this.#inTurn(async () => {
        const expected = this.#writer.tally.receipt();
        const id = (this.#barriers += 1);
        this.#awaited.set(id, { expected, name, last, answer });
        await this.#writer.control(kinds.Barrier, { id, name, last, ...expected });
      });
      return await answer.promise;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const before = this.#tail;
    const turn = (async () => {
      await before;
      this.#lost.signal.throwIfAborted();
      if (this.#sealed) throw new Fault('Internal', 'the transfer is sealed: nothing can be added to it');
      await task();
    })();
    this.#tail = turn.catch(() => {});
    await turn;
  }
}
