import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Layout, registry } from './layout.ts';
import { locked } from './lock.ts';
import { raiseLimits } from './machine.ts';

/** Which labs there are, and what the first of them changed on the machine for the last to change back. */

export const limitsFile = join(registry, 'limits.json');
const lockFile = `${registry}.lock`;

/** Labs come and go one at a time. */
export async function changingRegistry(change: () => Promise<void>, signal?: AbortSignal): Promise<void> {
  const work = async () => {
    await change();
    // With the last lab the lock goes too, while it is held: who waits for it looks whether the file is still there.
    if (!existsSync(registry)) await rm(lockFile);
  };
  await locked(lockFile, work, signal);
}

export async function register(layout: Layout): Promise<void> {
  await mkdir(registry, { recursive: true });
  // Written before the limits are raised: an `up` that dies in between must not lose what they were.
  if (!existsSync(limitsFile)) await writeFile(limitsFile, JSON.stringify(await raiseLimits()));
  try {
    await mkdir(layout.state);
  } catch (cause) {
    const half = existsSync(layout.stateFile) ? 'is up already' : 'was left half up, or is just coming up';
    throw new Error(`lab ${layout.name} ${half}: take it down first: npm run lab -- down --name ${layout.name}`, {
      cause,
    });
  }
  await mkdir(layout.logs);
}

export async function formerLimits(): Promise<Record<string, string> | undefined> {
  return existsSync(limitsFile)
    ? (JSON.parse(await readFile(limitsFile, 'utf8')) as Record<string, string>)
    : undefined;
}
