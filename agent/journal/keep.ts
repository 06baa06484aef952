/**
 * What is left of a migration for a person to look at: of one that failed CRIU's logs, and images that were to be
 * restored; of one that went well its logs, where the agent was asked for them.
 */
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContainerPaths } from '../paths.ts';

/** The state directory is memory: only the newest few migrations that failed are kept. */
const mostFailed = 5;

/** Copies what is there of a file or directory; FIFOs and CRIU's own mounts stay behind. */
export function keep(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  cpSync(from, to, { recursive: true, filter: isPlain });
}

function isPlain(path: string): boolean {
  const stats = lstatSync(path);
  return !path.includes('.criu.') && (stats.isFile() || stats.isDirectory());
}

/** Which logs are to be kept, of migrations that go well. */
export interface KeptLogs {
  /** A directory below it for each. */
  directory: string;
  /** As many of the newest; 0: none. */
  most: number;
}

/**
 * CRIU's logs and statistics, and `born.json`: when each log began, in milliseconds of this node's clock. The times in a
 * log count from there.
 * @param side MIGRATION.source or MIGRATION.target
 */
export function keepLogsOfSuccess(
  { directory, most }: KeptLogs,
  side: string,
  containers: ReadonlyMap<string, ContainerPaths>,
): void {
  if (most === 0) return;
  for (const [name, { work }] of containers) {
    const to = join(directory, side, name);
    const files = existsSync(work)
      ? readdirSync(work).filter((file) => /^(dump|restore)\.log$|^stats-/.test(file))
      : [];
    for (const file of files) keep(join(work, file), join(to, file));
    const born = files.filter((file) => file.endsWith('.log')).map((file) => [file, birth(join(work, file))]);
    if (born.length > 0)
      writeFileSync(join(to, 'born.json'), JSON.stringify(Object.fromEntries(born)), { mode: 0o600 });
  }
  forgetOldest(directory, most);
}

function birth(path: string): number {
  return statSync(path).birthtimeMs;
}

/** @param kept the directory with one directory for each migration; it may be missing */
export function forgetOldest(kept: string, most = mostFailed): void {
  if (!existsSync(kept)) return;
  const byAge = readdirSync(kept).sort((a, b) => age(join(kept, a)) - age(join(kept, b)));
  for (const name of byAge.slice(most)) rmSync(join(kept, name), { recursive: true, force: true });
}

function age(path: string): number {
  return -statSync(path).mtimeMs;
}
