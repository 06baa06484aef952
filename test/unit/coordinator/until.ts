import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something is true. Not expect.poll, which does not know its test when tests run side by side. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(20);
  }
}
