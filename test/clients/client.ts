import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from './addresses.ts';

/** What a client has been through. */
export interface Tally {
  /** Questions that were answered, rightly. */
  exchanges: number;
  /** The longest time without an answer while one was due, in milliseconds. */
  longestMs: number;
}

/** A connection, or two that belong together, that stays open; every byte that comes back is checked. */
export interface OpenClient {
  readonly kind: string;
  readonly tally: Tally;
  /** So far. */
  readonly errors: readonly string[];
  /**
   * Works from now on until it is stopped or something is wrong.
   *
   * @param restMs after each exchange, beside what it rests by itself: so many together take no more than a share of a machine
   */
  start(restMs?: number): void;
  /**
   * Ends properly, and compares what the server has with what it should have.
   *
   * @param at where the server is by now, for connections that look at its side; the old ones go on as they are
   * @returns errors, none if all is well
   */
  stop(at: Addresses): Promise<readonly string[]>;
}

/** How long an answer may take at most, in milliseconds: longer than any pod may stand still. */
export const patienceMs = 30_000;

/** Keeps count for a client. */
export class Notes {
  readonly errors: string[] = [];
  #exchanges = 0;
  #longestMs = 0;
  #due = 0;
  #since = 0;

  /** An answer is due. */
  asked(): void {
    if (this.#due === 0) this.#since = performance.now();
    this.#due += 1;
  }

  answered(): void {
    this.#due -= 1;
    this.#exchanges += 1;
    this.#longestMs = Math.max(this.#longestMs, performance.now() - this.#since);
    this.#since = performance.now();
  }

  /** One that still waits counts as long as it has waited. */
  get tally(): Tally {
    const waitsMs = this.#due === 0 ? 0 : performance.now() - this.#since;
    return { exchanges: this.#exchanges, longestMs: Math.round(Math.max(this.#longestMs, waitsMs)) };
  }

  /** Only the first few: what comes after an error mostly follows from it. */
  wrong(error: unknown): void {
    if (this.errors.length < 3) this.errors.push(error instanceof Error ? describe(error) : String(error));
  }
}

function describe(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || error.message.includes(code) ? error.message : `${code}: ${error.message}`;
}

/** What all clients have in common: the same thing over and over, until the end. */
export abstract class Steady implements OpenClient {
  abstract readonly kind: string;
  protected readonly notes = new Notes();
  #stopping = false;
  #work: Promise<void> = Promise.resolve();

  get tally(): Tally {
    return this.notes.tally;
  }

  get errors(): readonly string[] {
    return this.notes.errors;
  }

  start(restMs = 0): void {
    this.#work = this.#keepOn(restMs);
  }

  async stop(at: Addresses): Promise<readonly string[]> {
    this.#stopping = true;
    try {
      await within(this.#work, 'it has not come to the end of what was under way');
      if (this.errors.length === 0) await within(this.verify(at), 'its contents could not be compared');
    } catch (error) {
      this.notes.wrong(error);
    } finally {
      this.close();
    }
    return this.errors;
  }

  async #keepOn(restMs: number): Promise<void> {
    try {
      while (!this.#stopping && this.errors.length === 0) {
        await this.exchange();
        if (restMs > 0) await sleep(restMs);
      }
    } catch (error) {
      this.notes.wrong(error);
    }
  }

  /** A connection is over. Before its time that is an error, even if nothing was due on it. */
  protected over(how: unknown): void {
    if (!this.closing) this.notes.wrong(how);
  }

  protected closing = false;

  /** Asks something, and answers when there is room to ask more. */
  protected abstract exchange(): Promise<void>;
  /** @throws whatever differs between what was sent and what the server has */
  protected abstract verify(at: Addresses): Promise<void>;
  /** Leaves nothing open, in whatever state. */
  protected abstract close(): void;
}

export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const giveUp = new AbortController();
  const late = sleep(patienceMs, undefined, { signal: giveUp.signal }).then(() => {
    throw new Error(`${what} within ${patienceMs} ms`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    giveUp.abort();
  }
}

/** @throws if they are not the same */
export function expectSame(what: string, is: unknown, shouldBe: unknown): void {
  const [one, other] = [JSON.stringify(is), JSON.stringify(shouldBe)];
  if (one !== other) throw new Error(`${what}: ${brief(one)} instead of ${brief(other)}`);
}

const brief = (text = 'nothing') => (text.length > 120 ? `${text.slice(0, 60)}…${text.slice(-50)}` : text);
