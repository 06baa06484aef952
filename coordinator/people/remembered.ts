/** Answers that are believed for a while, also by those who ask the same while it is being asked. Bounded in number. */
export class Remembered<T> {
  readonly #most: number;
  readonly #forMs: number;
  readonly #answers = new Map<string, { answer: Promise<T>; until: number }>();

  constructor(most: number, forMs: number) {
    this.#most = most;
    this.#forMs = forMs;
  }

  /** Asks when nothing is remembered. What failed is asked again by whoever comes next. */
  async of(key: string, ask: () => Promise<T>): Promise<T> {
    const now = performance.now();
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > now) return await known.answer;
    this.#answers.delete(key);
    for (const [oldest] of this.#answers) {
      if (this.#answers.size < this.#most) break;
      this.#answers.delete(oldest);
    }
    const entry = { answer: ask(), until: now + this.#forMs };
    this.#answers.set(key, entry);
    try {
      return await entry.answer;
    } catch (error) {
      if (this.#answers.get(key) === entry) this.#answers.delete(key);
      throw error;
    }
  }
}
