/** What CRIU says: its version, its features, and the last lines of its logs. */
import { readFileSync } from 'node:fs';

/**
 * The lines of a CRIU log that tell why it failed: the errors and what stood before the first of them.
 *
 * @returns undefined when there is no log
 */
export function lastWords(log: string): string | undefined {
  let lines: string[];
  try {
    lines = readFileSync(log, 'utf8').trim().split('\n');
  } catch {
    return undefined;
  }
  const first = lines.findIndex((line) => line.includes('Error'));
  if (first < 0) return lines.slice(-3).join(' | ');
  const errors = lines.slice(first).filter((line) => line.includes('Error'));
  return [...lines.slice(Math.max(0, first - 2), first), ...errors.slice(0, 6)].join(' | ');
}
