/**
 * Asks again and again, each time over a new connection, and on schedule: an attempt does not wait for the one before
 * it. One that hangs (its SYN dropped, accepted by a process that is frozen) would else hide that later ones succeed,
 * and what is to be measured is when a client that comes now is served, not when an unlucky one gives up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Missed } from './probe.ts';
import type { Report } from './report.ts';
import { Tally } from './tally.ts';
import type { Target } from './target.ts';
import { attemptsAtATime, type Timing, usualTiming } from './timing.ts';

export class Prober {
  readonly #target: Target;
  readonly #timing: Timing;
  readonly #underWay = new Map<AbortController, Promise<void>>();
  readonly #broken = new AbortController();
  readonly #answered = Promise.withResolvers<void>();

  constructor(target: Target, timing: Timing = usualTiming) {
    this.#target = target;
    this.#timing = timing;
  }

  /** Once the pod has answered for the first time. */
  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  /**
   * Begins attempts until the signal; those under way then are left to end as they do.
   * @throws what keeps this machine from measuring at all: no miss of the pod's
   */
  async run(stop: AbortSignal): Promise<Report> {
    const { intervalMs } = this.#timing;
    const most = attemptsAtATime(this.#timing);
    const ends = AbortSignal.any([stop, this.#broken.signal]);
    const tally = new Tally(performance.now());
    let due = performance.now();
    while (!ends.aborted) {
      if (this.#underWay.size < most) this.#begin(tally, due);
      due += intervalMs;
      // Nobody is helped by attempts in a bunch: what this machine has slept through is left out.
      const missed = Math.floor((performance.now() - due) / intervalMs);
      if (missed > 0) due += missed * intervalMs;
      await sleep(Math.max(0, due - performance.now()), undefined, { signal: ends }).catch(() => {});
    }
    tally.ended(performance.now());
    await Promise.all(this.#underWay.values());
    this.#broken.signal.throwIfAborted();
    return tally.report(this.#target.url);
  }

  /** Ends everything at once; run() throws. */
  abandon(reason: unknown = new Error('the probe was abandoned')): void {
    this.#broken.abort(reason);
    for (const ends of this.#underWay.keys()) ends.abort(reason);
  }

  #begin(tally: Tally, due: number): void {
    const began = performance.now();
    const { timeoutMs } = this.#timing;
    const ends = new AbortController();
    const timer = setTimeout(() => ends.abort(new Missed('timeout', `no answer within ${timeoutMs} ms`)), timeoutMs);
    const attempt = async () => {
      try {
        await this.#target.probe.attempt(ends.signal);
        tally.succeeded(performance.now(), began);
        this.#answered.resolve();
      } catch (error) {
        if (error instanceof Missed) tally.missed(error.kind);
        else this.abandon(error);
      } finally {
        clearTimeout(timer);
        this.#underWay.delete(ends);
      }
    };
    tally.began(began, due);
    this.#underWay.set(ends, attempt());
  }
}
