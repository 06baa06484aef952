/** kubectl migrate POD --probe URL: a probe around a migration, from a little before it to a little after it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { Prober } from '../probe/prober.ts';
import type { Report } from '../probe/report.ts';
import type { Target } from '../probe/target.ts';
import { usualTiming } from '../probe/timing.ts';
import { type Console, printLines } from './console.ts';

/** Long enough to see a client that is lost when the old address goes away. */
const afterwardsMs = 500;

export class Probing {
  readonly #prober: Prober;
  readonly #stop = new AbortController();
  #abandoned = false;
  /** When the migration began: by the coordinator's clock, and by the one of this machine. */
  #began: { there: number; here: number } | undefined;
  readonly #report: Promise<Report | undefined>;

  private constructor(target: Target, console: Console) {
    this.#prober = new Prober(target);
    this.#report = this.#prober.run(this.#stop.signal).catch((error: unknown) => {
      // The migration is what matters: it goes on, and is reported, without.
      if (!this.#abandoned) printLines(console, [`warning: no probe: ${(error as Error).message}`]);
      return undefined;
    });
  }

  /** Waits for an answer, so that what is missing later was there before; but not for ever: the migration may help. */
  static async begin(target: Target, console: Console): Promise<Probing> {
    const probing = new Probing(target, console);
    const answered = await Promise.race([
      probing.#prober.answered.then(() => true),
      probing.#report.then(() => true),
      sleep(usualTiming.timeoutMs, false, { ref: false }),
    ]);
    if (!answered) printLines(console, [`warning: ${target.url} has not answered yet; the migration begins anyway`]);
    return probing;
  }

  /** The sooner it is told of a migration, the better it knows when that began. */
  saw({ created_unix_ms, total_ms }: Migration): void {
    const now = performance.timeOrigin + performance.now();
    this.#began ??= { there: created_unix_ms, here: now - total_ms };
  }

  /** @returns undefined when it could not be measured, which has been said */
  async finish({ moments }: Migration): Promise<Report | undefined> {
    await sleep(afterwardsMs);
    this.#stop.abort();
    const report = await this.#report;
    const began = this.#began;
    if (report === undefined || began === undefined) return report;
    const of = (name: string) => since(began.there, moments.find((moment) => moment.name === name)?.unix_ms);
    const accessibleMs = since(began.here, report.gapEndedUnixMs);
    return { ...report, pod: { createdMs: of('pod-created'), readyMs: of('pod-ready'), accessibleMs } };
  }

  /** When there is nobody left to report to. */
  abandon(): void {
    this.#abandoned = true;
    this.#prober.abandon();
  }
}

function since(began: number, at: number | null | undefined): number | null {
  return at === null || at === undefined ? null : Math.round((at - began) * 1_000) / 1_000;
}
