/**
 * The promise's outcome, or the signal's reason if that comes first. Whoever works for the promise may work on: it is
 * for waits that cannot be interrupted, such as a read from a file server that is gone.
 */
export async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    aborted.catch(() => {});
    promise.catch(() => {});
  }
}
