/** Waits for a file that another process makes, by inotify. */
import { existsSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Resolves when `file` exists; at once when it does. Rejects with the signal's reason. */
export async function appeared(file: string, signal: AbortSignal): Promise<void> {
  return await appearedOneOf([file], signal).then(() => {});
}

/** Resolves with the first of several files of one directory that exists. */
export async function appearedOneOf(files: readonly [string, ...string[]], signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const names = new Set(files.map((file) => basename(file)));
  const found = () => files.find((file) => existsSync(file));
  return await new Promise((resolve, reject) => {
    // The watch comes before the look, so that nothing falls between them.
    const watcher = watch(dirname(files[0]));
    const settle = (act: () => void) => {
      watcher.close();
      signal.removeEventListener('abort', aborted);
      act();
    };
    const look = () => {
      const file = found();
      if (file !== undefined) settle(() => resolve(file));
    };
    const aborted = () => settle(() => reject(signal.reason as Error));
    signal.addEventListener('abort', aborted);
    watcher.on('change', (_, name) => {
      if (names.has(String(name))) look();
    });
    watcher.on('error', (error) => settle(() => reject(error)));
    look();
  });
}
