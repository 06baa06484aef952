/** In the place of a socket to the target: keeps what would be announced there, for whoever comes later. */
import type { Fault } from '../../../proto/fault.ts';
import type { Entry, Outbox, Receipt } from '../transfer.ts';

const nothing: Receipt = { bytes: 0, digest: '' };

export class Sealer implements Outbox {
  readonly bytes = 0;
  readonly #lost = new AbortController();
  readonly #segments: string[] = [];
  readonly #seal: (segments: readonly string[], signal: AbortSignal) => Promise<void>;

  /** @param seal called once, with the digests of all segments in order */
  constructor(seal: (segments: readonly string[], signal: AbortSignal) => Promise<void>) {
    this.#seal = seal;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  put({ meta }: Entry): Promise<void> {
    const { sha256 } = meta as { sha256: string };
    this.#segments.push(sha256);
    return Promise.resolve();
  }

  barrier(_name: string, signal: AbortSignal): Promise<Receipt> {
    signal.throwIfAborted();
    return Promise.resolve(nothing);
  }

  async seal(signal: AbortSignal): Promise<Receipt> {
    await this.#seal(this.#segments, AbortSignal.any([signal, this.lost]));
    return nothing;
  }

  abort(reason: Fault): Promise<void> {
    this.#lost.abort(reason);
    return Promise.resolve();
  }
}
