/**
 * What containerd makes of its configuration. Versions differ in how they merge imported files (1.7 takes a plugin's
 * whole section from the last file that has any of it, and forgets its own defaults for handlers when one is given), so
 * containerd itself is asked, about copies in a directory of their own, and nothing may differ but our handler.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../proto/fault.ts';
import {
  type ConfigFiles,
  handlersOf,
  importsOf,
  placements,
  read,
  section,
  type Table,
  type Version,
} from './containerd-config.ts';
import type { Node } from './node.ts';

export type DumpOf = (files: ConfigFiles) => Promise<Table>;

/** Asks the node's containerd about files that are not there yet. */
export function staging(node: Node, program: string, version: Version): DumpOf {
  return async ({ main, files }) => {
    const here = mkdtempSync(node.at('/run/podferry-install-'));
    const there = join('/run', basename(here));
    try {
      // containerd knows what it does without a configuration, but not under a name.
      const all = files.has(main) ? files : new Map([[main, `version = ${version}\n`]]);
      for (const [path, text] of all) {
        mkdirSync(dirname(join(here, path)), { recursive: true });
        writeFileSync(join(here, path), importingFrom(there, text), { mode: 0o600 });
      }
      return await dump(node, program, join(there, main));
    } finally {
      rmSync(here, { recursive: true });
    }
  };
}

export async function dump(node: Node, program: string, file: string): Promise<Table> {
  const argv = [program, '--config', file, 'config', 'dump'] as const;
  return read(await node.run(argv, 'RuntimeUnsupported', 'asking containerd what it makes of its configuration'));
}

function importingFrom(directory: string, text: string): string {
  const absolute = importsOf(text).filter((pattern) => pattern.startsWith('/'));
  return absolute.reduce((changed, pattern) => {
    const staged = `"${directory}${pattern}"`;
    return changed.replaceAll(`"${pattern}"`, () => staged).replaceAll(`'${pattern}'`, () => staged);
  }, text);
}

export interface Placed {
  how: string;
  files: ReadonlyMap<string, string>;
}

/**
 * The first way to have the handler in that changes nothing else.
 * @param files with nothing of ours
 * @throws Fault when there is none, with what each would change
 */
export async function place(files: ConfigFiles, version: Version, handler: Table, dumpOf: DumpOf): Promise<Placed> {
  const before = await dumpOf(files);
  const failures: string[] = [];
  const count = placements(files, version, () => '').length;
  for (let at = 0; at < count; at += 1) {
    let others: Record<string, Table> = {};
    // Once more with those handlers that containerd would forget.
    for (let turn = 0; turn < 2; turn += 1) {
      const way = placements(files, version, (own) => section(own, handler, others))[at];
      if (way === undefined) break;
      const after = await dumpOf({ main: files.main, files: way.files }).catch((error: unknown) => error as Error);
      if (after instanceof Error) {
        failures.push(`${way.how}: ${after.message}`);
        break;
      }
      const differing = differences(before, after);
      const has = carries(handlersOf(after)['podferry'], handler);
      if (differing.length === 0 && has) return way;
      const lost = lostHandlers(before, after);
      if (turn === 1 || Object.keys(lost).length === 0) {
        const what = differing.length > 0 ? `would also change ${differing.slice(0, 4).join(', ')}` : 'has no effect';
        failures.push(`${way.how}: ${what}`);
        break;
      }
      others = lost;
    }
  }
  throw new Fault(
    'RuntimeUnsupported',
    `there is no place in containerd's configuration for the handler podferry: ${failures.join('; ')}. ` +
      'Add it yourself as the README says, then this leaves the configuration alone',
  );
}

function lostHandlers(before: Table, after: Table): Record<string, Table> {
  const left = handlersOf(after);
  return Object.fromEntries(Object.entries(handlersOf(before)).filter(([name]) => left[name] === undefined));
}

/** Whether a handler as containerd tells it is ours: it says more of it than we do. */
export function carries(told: Table | undefined, handler: Table): boolean {
  return (
    told !== undefined &&
    Object.entries(handler).every(([key, value]) => {
      const other = told[key];
      const isTable = typeof value === 'object' && !Array.isArray(value) && typeof other === 'object';
      if (isTable) return carries(other as Table, value as Table);
      return isDeepStrictEqual(other, value) || (value === false && other === undefined);
    })
  );
}

/** Paths at which two dumps differ, but for our handler and for which files they came from. */
export function differences(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (path.length === 1 && path[0] === 'imports') return [];
  if (path.at(-2) === 'runtimes' && path.at(-1) === 'podferry') return [];
  // A table with nothing in it says as little as none.
  if (before === undefined && isTable(after)) return differences({}, after, path);
  if (after === undefined && isTable(before)) return differences(before, {}, path);
  if (!isTable(before) || !isTable(after)) return isDeepStrictEqual(before, after) ? [] : [path.join('.')];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]));
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
