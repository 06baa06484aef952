/**
 * The source's end of a transfer by way of a shared directory. Bodies go into segments there; that a segment is
 * ready, and that it has been taken, is said over the same authenticated socket that stream uses: a file server tells
 * nobody across nodes that something has changed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../../proto/fault.ts';
import { checkEntry, checkName, describe } from '../entry.ts';
import type { Body, Destination, Entry, Outbox, Receipt } from '../transfer.ts';
import { unless } from '../unless.ts';
import { chain, encode } from './manifest.ts';
import { Segment } from './segment.ts';
import { type Attempt, type Share, writeWhole } from './share.ts';

/** So large that a segment's cost does not count, so small that the target reads while the source writes. */
const segmentBytes = 64 << 20;
const segmentParts = 4_096;
/** How long a write, or somebody who makes a body, may go on after the end. In milliseconds. */
const lastWriteMs = 1_000;

export class NfsOutbox implements Outbox {
  readonly #inner: Outbox;
  readonly #share: Pick<Share, 'remove'>;
  readonly #attempt: Attempt;
  readonly #onProgress: (bytes: number) => void;
  #segment: Segment | undefined;
  #published = 0;
  #bytes = 0;
  #digest = '';
  #tail: Promise<unknown> = Promise.resolve();
  #removed: Promise<void> | undefined;

  constructor(inner: Outbox, share: Pick<Share, 'remove'>, attempt: Attempt, to: Pick<Destination, 'onProgress'>) {
    this.#inner = inner;
    this.#share = share;
    this.#attempt = attempt;
    this.#onProgress = to.onProgress ?? (() => {});
    // Whoever ends it: when nothing more can succeed, nothing may stay.
    inner.lost.addEventListener('abort', () => void this.#remove(), { once: true });
  }

  get lost(): AbortSignal {
    return this.#inner.lost;
  }

  get bytes(): number {
    return this.#bytes + (this.#segment?.bytes ?? 0);
  }

  /** Before anything else: do both sides mean the same directory? */
  async begin(signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      this.#segment = await Segment.create(this.#attempt.segment(0));
      await this.#publish();
    });
    try {
      await this.#inner.barrier('directory', signal);
    } catch (error) {
      await this.#remove();
      throw error;
    }
  }

  async put(entry: Entry, body: Body = Buffer.alloc(0)): Promise<void> {
    const checked = checkEntry(entry);
    await this.#inTurn(
      async () => {
        this.#segment ??= await Segment.create(this.#attempt.segment(this.#published));
        await this.#segment.add(checked, body, this.lost);
        this.#onProgress(this.bytes);
        if (this.#segment.bytes >= segmentBytes || this.#segment.parts.length >= segmentParts) await this.#publish();
      },
      `cannot send ${describe(checked)}`,
    );
  }

  async barrier(name: string, signal: AbortSignal): Promise<Receipt> {
    checkName(name);
    const receipt = await this.#upToHere();
    await this.#inner.barrier(name, signal);
    return receipt;
  }

  async seal(signal: AbortSignal): Promise<Receipt> {
    const receipt = await this.#upToHere();
    await this.#inner.seal(signal);
    await this.#remove();
    return receipt;
  }

  async abort(reason: Fault): Promise<void> {
    await this.#inner.abort(reason);
    await this.#remove();
  }

  async #upToHere(): Promise<Receipt> {
    let receipt: Receipt = { bytes: 0, digest: '' };
    await this.#inTurn(async () => {
      if (this.#segment !== undefined) await this.#publish();
      receipt = { bytes: this.#bytes, digest: `sha256:${this.#digest}` };
    });
    return receipt;
  }

  async #publish(): Promise<void> {
    const segment = this.#segment;
    if (segment === undefined) return;
    const number = this.#published;
    await segment.publish();
    const { text, sha256 } = encode({ number, parts: segment.parts });
    await writeWhole(this.#attempt.manifest(number), text);
    this.#segment = undefined;
    this.#published += 1;
    this.#bytes += segment.bytes;
    this.#digest = chain(this.#digest, sha256);
    const meta = { attempt: this.#attempt.name, number, sha256 };
    await this.#inner.put({ channel: 'nfs', op: 'segment', meta });
  }

  /** One at a time, and no longer than the transfer lives: a file server that is gone answers never. */
  async #inTurn(task: () => Promise<void>, what?: string): Promise<void> {
    const before = this.#tail;
    const turn = (async () => {
      await before;
      this.lost.throwIfAborted();
      await task();
    })();
    this.#tail = turn.catch(() => {});
    try {
      await unless(this.lost, turn);
    } catch (error) {
      if (this.lost.aborted) throw this.lost.reason;
      const fault = Fault.from(error, 'TransferFailed', what);
      await this.#inner.abort(fault);
      throw fault;
    }
  }

  async #remove(): Promise<void> {
    this.#removed ??= (async () => {
      await Promise.race([this.#tail, delay(lastWriteMs, undefined, { ref: false })]);
      await this.#segment?.close();
      await this.#share.remove(this.#attempt);
    })();
    await this.#removed;
  }
}
