/**
 * What is planted on a node outside a migration's directory: rules, mounts, a frozen cgroup, a kernel switch. Each has
 * its undo written down as a small script before it is planted, so that a watchdog in sh, an agent that starts, or a
 * person can undo it: `for s in $(ls -r planted/*); do sh $s; done`. An undo may run twice.
 */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import type { SidePaths } from '../paths.ts';
import { run } from '../runtime/command.ts';

/**
 * Undone in this order, the first to run again is the pod. `always` is undone at the deadline even after a commit;
 * the rest only where nothing was committed.
 */
const order = {
  'expedited-rcu': { rank: 90, always: true },
  // Before the thaw: see prepareDump().
  'waiting-dump': { rank: 85, always: true },
  'frozen-cgroup': { rank: 80, always: false },
  forwarding: { rank: 60, always: false },
  // After it: what is let go then goes to the pod itself.
  plug: { rank: 50, always: true },
  // Before what it has its files in; never while it fills the memory of something that runs.
  'lazy-pages': { rank: 48, always: false },
  hush: { rank: 45, always: true },
  silence: { rank: 42, always: false },
  'next-root': { rank: 40, always: false },
  'external-mount': { rank: 30, always: false },
  staging: { rank: 10, always: false },
} as const;

export type Planted = keyof typeof order;

function fileOf(paths: SidePaths, what: Planted, which = ''): string {
  const { rank, always } = order[what];
  return join(paths.planted, `${rank}-${what}${which}.${always ? 'always' : 'uncommitted'}`);
}

/** Quotes a word for the undo script. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Writes the undo down. Call it before planting.
 *
 * @param which tells several of a kind apart
 */
export function plant(paths: SidePaths, what: Planted, undo: string, which?: string): void {
  writeFileSync(fileOf(paths, what, which), `${undo}\n`, { mode: 0o700 });
}

/** Forgets an undo, after what it undoes has gone another way. */
export function uproot(paths: SidePaths, what: Planted, which?: string): void {
  rmSync(fileOf(paths, what, which), { force: true });
}

/** Undoes one thing, if it was planted and is still there. */
export async function undoOne(paths: SidePaths, what: Planted, which?: string): Promise<void> {
  const file = fileOf(paths, what, which);
  if (!existsSync(file)) return;
  await run(['/bin/sh', file], { reason: 'ReleaseFailed', what, timeout: patienceMs });
  rmSync(file, { force: true });
}

/** One of them waits for the end of a dump, which takes as long as it takes to write down a pod's memory. */
const patienceMs = 120_000;

/** Undoes everything, goes on past what fails, and throws the failures together at the end. */
export async function undoAll(paths: SidePaths): Promise<void> {
  const failures: string[] = [];
  let scripts: string[];
  try {
    scripts = readdirSync(paths.planted).sort().reverse();
  } catch {
    return;
  }
  for (const script of scripts) {
    const file = join(paths.planted, script);
    try {
      await run(['/bin/sh', file], { reason: 'ReleaseFailed', what: script, timeout: patienceMs });
      rmSync(file);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  if (failures.length > 0) {
    throw new Fault(
      'ReleaseFailed',
      `not undone in ${paths.planted}: ${failures.join('; ')}. Run the scripts there by hand`,
    );
  }
}
