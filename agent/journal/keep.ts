/** What is left of a migration that failed, for a person to look at: CRIU's logs, and images that were to be restored. */
import { cpSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The state directory is memory: only the newest few migrations are kept. */
const most = 5;

/** Copies what is there of a file or directory; FIFOs and CRIU's own mounts stay behind. */
export function keep(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  cpSync(from, to, { recursive: true, filter: isPlain });
}

function isPlain(path: string): boolean {
  const stats = lstatSync(path);
  return !path.includes('.criu.') && (stats.isFile() || stats.isDirectory());
}

/** @param kept the directory with one directory for each migration */
export function forgetOldest(kept: string): void {
  const byAge = readdirSync(kept).sort((a, b) => age(join(kept, a)) - age(join(kept, b)));
  for (const name of byAge.slice(most)) rmSync(join(kept, name), { recursive: true, force: true });
}

function age(path: string): number {
  return -statSync(path).mtimeMs;
}
