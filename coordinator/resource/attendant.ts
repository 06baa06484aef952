/** Does what is due for one object, after what is being done, and again when it was not possible. */
import { statusOf } from '../cluster/kubernetes/client.ts';

const firstPauseMs = 250;
export const longestPauseMs = 5_000;

export class Attendant {
  readonly #act: () => Promise<number | undefined>;
  readonly #failed: (error: unknown) => void;
  readonly #closed: AbortSignal;
  #attending = false;
  #again = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param act does what is due, and says when to look again although nothing may have happened, in milliseconds
   * @param failed told of the first of several failures in succession
   */
  constructor(act: () => Promise<number | undefined>, failed: (error: unknown) => void, closed: AbortSignal) {
    this.#act = act;
    this.#failed = failed;
    this.#closed = closed;
  }

  get busy(): boolean {
    return this.#attending;
  }

  /** Returns at once. */
  attend(): void {
    if (this.#closed.aborted) return;
    if (this.#attending) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#attending = true;
    void this.#attend();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  async #attend(): Promise<void> {
    let later: number | undefined;
    try {
      later = await this.#act();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      // Changed meanwhile: that change is on its way to us.
      if (statusOf(error) !== 409 && this.#failures === 1) this.#failed(error);
      later = Math.min(firstPauseMs * 2 ** (this.#failures - 1), longestPauseMs);
    } finally {
      this.#attending = false;
    }
    if (this.#closed.aborted) return;
    if (later !== undefined) this.#timer = setTimeout(() => this.attend(), later);
    if (!this.#again) return;
    this.#again = false;
    this.attend();
  }
}
