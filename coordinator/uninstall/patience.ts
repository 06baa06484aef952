/** One limit for all that is waited for, and calls that outlive an API server that is away for a moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { apiFault, statusOf } from '../cluster/kubernetes/client.ts';

/** Milliseconds. */
export interface Limits {
  ms: number;
  /** Between two looks, or two tries. */
  pauseMs: number;
}

export class Patience {
  readonly #until: number;
  readonly #pauseMs: number;
  readonly #stop: AbortSignal;

  constructor({ ms, pauseMs }: Limits, stop: AbortSignal) {
    this.#until = performance.now() + ms;
    this.#pauseMs = pauseMs;
    this.#stop = stop;
  }

  get isOver(): boolean {
    return performance.now() >= this.#until;
  }

  /** @throws what it is stopped with */
  async pause(): Promise<void> {
    const left = Math.max(0, this.#until - performance.now());
    await sleep(Math.min(this.#pauseMs, left), undefined, { signal: this.#stop }).catch(() => {});
    this.#stop.throwIfAborted();
  }

  /** @throws Fault with `what`, when it is refused or nobody answers */
  async ask<T>(what: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    while (true) {
      this.#stop.throwIfAborted();
      try {
        return await call(this.#stop);
      } catch (error) {
        this.#stop.throwIfAborted();
        if (this.isOver || !isPassing(statusOf(error))) throw apiFault(error, what);
      }
      await this.pause();
    }
  }

  /** Looks until nothing is left to wait for. @returns what is left when it is over */
  async until(look: () => Promise<string[]>): Promise<string[]> {
    while (true) {
      const left = await look();
      if (left.length === 0 || this.isOver) return left;
      await this.pause();
    }
  }
}

/** 410: a list has changed while it was read page by page. */
function isPassing(code: number | undefined): boolean {
  return code === undefined || code >= 500 || code === 429 || code === 410;
}
