/** A body while it arrives: what the socket brought and the sink has not asked for yet. */
import type { Fault } from '../../../proto/fault.ts';
import type { Arriving } from '../transfer.ts';

/** Sockets bring 16 KiB at a time; a write of that size costs a sink as much as one of these. */
const batchBytes = 256 << 10;

export class ArrivingBody implements Arriving {
  readonly #taken: (bytes: number) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #skipped = false;
  #fault: Fault | undefined;
  #wake: (() => void) | undefined;

  /** @param taken called with the bytes that no longer wait here */
  constructor(taken: (bytes: number) => void) {
    this.#taken = taken;
  }

  push(part: Buffer): void {
    if (this.#skipped) return this.#taken(part.length);
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes >= batchBytes) this.#stir();
  }

  end(): void {
    this.#ended = true;
    this.#stir();
  }

  fail(fault: Fault): void {
    this.#fault ??= fault;
    this.#stir();
  }

  /** The sink wants no more of it. */
  skip(): void {
    this.#skipped = true;
    this.#take();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for await (const parts of this.batches()) {
      const [first] = parts;
      yield parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
    }
  }

  async *batches(): AsyncGenerator<Buffer[], void, undefined> {
    while (!this.#skipped) {
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#bytes >= batchBytes || (this.#ended && this.#bytes > 0)) {
        yield this.#take();
      } else if (this.#ended) {
        return;
      } else {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    }
  }

  #take(): Buffer[] {
    const parts = this.#parts;
    this.#taken(this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return parts;
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
