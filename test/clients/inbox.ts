/** What comes on a connection by itself, in order; nothing of it is ever passed over. */
export class Inbox<T> {
  readonly #come: T[] = [];
  readonly #waiting: PromiseWithResolvers<T>[] = [];
  #failure: Error | undefined;

  put(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#come.push(item);
    else waiting.resolve(item);
  }

  /** Nothing comes any more. What has come can still be taken. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  async take(): Promise<T> {
    if (this.#come.length > 0) return this.#come.shift() as T;
    if (this.#failure !== undefined) throw this.#failure;
    const waiting = Promise.withResolvers<T>();
    this.#waiting.push(waiting);
    return await waiting.promise;
  }

  /** How many have come that nobody has taken. */
  get left(): number {
    return this.#come.length;
  }
}
