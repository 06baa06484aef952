/** What has to be carried so that a copy made of one listing becomes the other. Pure. */
import type { Entry, Listing } from './scan.ts';

export interface Difference {
  /** Paths to remove at the copy, before anything else. */
  removed: string[];
  /** Paths to pack whole: new ones, small ones, links, devices, directories (themselves, not their content). */
  packed: string[];
  /** Directories in which the above makes or removes something: packed as well, or the copy's would seem changed. */
  parents: string[];
  /** Regular files that the copy has already, in an older form or perhaps in this one: only what differs goes. */
  patched: string[];
}

/** Files from here on (bytes) are patched rather than packed again. */
export const patchFrom = 256n << 10n;

/**
 * Timestamps move in ticks of some milliseconds on kernels before 6.13: what changed this shortly before a scan may
 * change again within the same tick and look the same.
 */
const tick = 20_000_000n;

/** What the listings do not tell. */
export interface Insight {
  /** Of a file: its content may change without a trace. */
  doubted(path: string): boolean;
  /** Of a directory: nothing of the image shows in it. */
  standsAlone(path: string): boolean;
}

/**
 * @param before listing that the copy was made from, empty for none
 * @param scannedAt when `before` was begun, nanoseconds since the epoch
 */
export function diff(before: Listing, after: Listing, scannedAt: bigint, insight: Insight): Difference {
  const removed: string[] = [];
  const packed = new Set<string>();
  const patched: string[] = [];
  let anew = '';
  for (const [path, entry] of after) {
    // What is below a directory that is made again may be as before, but the copy's goes with the copy's directory.
    let old = anew !== '' && path.startsWith(anew) ? undefined : before.get(path);
    if (path !== '.' && old !== undefined && isAnother(old, entry) && insight.standsAlone(path)) {
      removed.push(path);
      anew = `${path}/`;
      old = undefined;
    }
    if (entry.kind === 'whiteout') {
      if (old?.kind !== 'whiteout') removed.push(path);
      continue;
    }
    if (old !== undefined && old.kind !== entry.kind) removed.push(path);
    // Who has bound a socket makes it again.
    if (entry.kind === 'socket') continue;
    const trace = old === undefined ? 'other' : compare(old, entry);
    const settled = old !== undefined && old.ctimeNs < scannedAt - tick;
    if (trace === 'same' && entry.kind === 'directory') continue;
    if (trace === 'same' && settled && !(entry.kind === 'file' && insight.doubted(path))) continue;
    if (patchable(old, entry) && (trace === 'content' || (trace === 'same' && (settled || entry.size >= patchFrom)))) {
      patched.push(path);
    } else packed.add(path);
  }
  for (const [path, old] of before) {
    if (!after.has(path) && old.kind !== 'whiteout') removed.push(path);
  }
  for (const path of otherNames(packed, after)) packed.add(path);
  const touched = new Set([...removed, ...packed].map(parentOf));
  const parents = [...touched].filter((path) => after.get(path)?.kind === 'directory' && !packed.has(path));
  return { removed: topmost(removed), packed: [...packed], parents, patched };
}

/**
 * 'content': the same file, with something in it changed. 'other': anything else may have changed; a patch would leave
 * out extended attributes. (One that a large file gets between two rounds in which it is also written to is left out.)
 */
function compare(old: Entry, entry: Entry): 'same' | 'content' | 'other' {
  if (old.kind !== entry.kind || old.ino !== entry.ino || old.birthNs !== entry.birthNs) return 'other';
  const asBefore = old.size === entry.size && old.mtimeNs === entry.mtimeNs;
  const owned = old.mode === entry.mode && old.uid === entry.uid && old.gid === entry.gid;
  if (asBefore && owned && old.ctimeNs === entry.ctimeNs) return 'same';
  const large = entry.kind === 'file' && entry.size >= patchFrom && old.size >= patchFrom;
  return large && !asBefore ? 'content' : 'other';
}

/**
 * A directory that was made again, or has other attributes: where that is possible it is made again at the copy too,
 * because tar takes no attribute away.
 */
function isAnother(old: Entry, entry: Entry): boolean {
  if (old.kind !== 'directory' || entry.kind !== 'directory' || entry.ctimeNs === 0n) return false;
  if (old.ino !== entry.ino || old.birthNs !== entry.birthNs) return true;
  const { mode, uid, gid, mtimeNs, ctimeNs } = entry;
  const named = old.mode === mode && old.uid === uid && old.gid === gid && old.mtimeNs === mtimeNs;
  return named && old.ctimeNs !== ctimeNs;
}

/** Written in place at the copy, where its other names would no longer be the same file after having been packed. */
function patchable(old: Entry | undefined, entry: Entry): boolean {
  return entry.kind === 'file' && entry.nlink === 1n && old?.nlink === 1n;
}

/** tar keeps the names of one file together when it gets them together. */
function otherNames(packed: ReadonlySet<string>, after: Listing): string[] {
  const files = new Set([...packed].map((path) => fileOf(after.get(path))));
  files.delete(undefined);
  if (files.size === 0) return [];
  return [...after].filter(([, entry]) => files.has(fileOf(entry))).map(([path]) => path);
}

/** Identifies a file that has several names. */
function fileOf(entry: Entry | undefined): bigint | undefined {
  return entry !== undefined && entry.kind !== 'directory' && entry.nlink > 1n ? entry.ino : undefined;
}

function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '.' : path.slice(0, at);
}

/** Removing a directory removes what is below it. */
function topmost(paths: string[]): string[] {
  const all = new Set(paths);
  return paths.filter((path) => {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      if (all.has(path.slice(0, at))) return false;
    }
    return true;
  });
}
