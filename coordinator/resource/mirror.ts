/**
 * Keeps an object's status what its migration is, and never the other way round: whoever offers a state does not wait.
 * One write is under way at most, the newest state comes next, and the last one is written however long it takes.
 */
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { isEnd, type Phase } from '../../proto/phases.ts';

/** While the pod stands still, nobody's processor is taken for telling so; one that stands still for long is told of. */
export const quietMs = 1_000;
/** Bytes that move are told at most so often. */
const progressMs = 1_000;
const firstPauseMs = 250;
const longestPauseMs = 5_000;

const standingStill: readonly string[] = ['Freezing', 'Dumping', 'Transferring', 'Restoring'] satisfies Phase[];

export function standsStill(phase: string): boolean {
  return standingStill.includes(phase);
}

export interface Written {
  phase: Migration['phase'];
  at: number;
}

/** When a state is to be written, on the clock that the migration's own times are of. Pure. */
export function dueAt({ phase, phases }: Migration, last: Written | undefined, now: number): number {
  if (standsStill(phase)) {
    const since = phases.find((each) => each.phase === 'Freezing')?.started_unix_ms ?? now;
    if (now < since + quietMs) return since + quietMs;
    return Math.max(now, (last?.at ?? 0) + progressMs);
  }
  return last?.phase === phase && !isEnd(phase as Phase) ? Math.max(now, last.at + progressMs) : now;
}

export class Mirror {
  readonly #write: (migration: Migration) => Promise<boolean>;
  readonly #failed: (error: unknown, times: number) => void;
  #newest: Migration | undefined;
  #last: Written | undefined;
  #writing = false;
  #failures = 0;
  #retryAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param write says whether there is any sense in writing more
   * @param failed told of each write that did not arrive; it is tried again
   */
  constructor(write: (migration: Migration) => Promise<boolean>, failed: (error: unknown, times: number) => void) {
    this.#write = write;
    this.#failed = failed;
  }

  /** Nothing is under way, and nothing waits. */
  get idle(): boolean {
    return this.#newest === undefined && !this.#writing;
  }

  offer(migration: Migration): void {
    if (this.#closed) return;
    this.#newest = migration;
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#newest = undefined;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#writing || this.#newest === undefined || this.#closed) return;
    clearTimeout(this.#timer);
    const now = unixMs();
    const due = Math.max(dueAt(this.#newest, this.#last, now), this.#retryAt);
    this.#timer = setTimeout(() => void this.#writeNewest(), Math.max(0, due - now));
  }

  async #writeNewest(): Promise<void> {
    const migration = this.#newest;
    if (migration === undefined) return;
    this.#newest = undefined;
    this.#writing = true;
    try {
      const more = await this.#write(migration);
      this.#last = { phase: migration.phase, at: unixMs() };
      this.#failures = 0;
      this.#retryAt = 0;
      if (!more) this.close();
    } catch (error) {
      if (!this.#closed) this.#newest ??= migration;
      this.#failures += 1;
      this.#retryAt = unixMs() + Math.min(firstPauseMs * 2 ** (this.#failures - 1), longestPauseMs);
      this.#failed(error, this.#failures);
    } finally {
      this.#writing = false;
      this.#schedule();
    }
  }
}

function unixMs(): number {
  return performance.timeOrigin + performance.now();
}
