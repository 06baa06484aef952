/** From what a node has to what has to change on it: the one place where that is decided. Pure. */
import { dirname } from 'node:path';
import { type Entry, digest, type Owned } from './node.ts';

/** What is to be at a path. */
export type Wanted = { path: string; why: string } & (
  | { kind: 'file'; content: Buffer; mode: number; isConfig?: boolean }
  | { kind: 'link'; target: string }
);

export type Change = { path: string; why: string } & (
  | { do: 'directory' }
  | { do: 'file'; content: Buffer; owned: Partial<Owned>; follow: boolean }
  | { do: 'link'; target: string }
  | { do: 'remove' }
  | { do: 'keep' }
);

/** What was there before us. */
export type Former = ({ kind: 'file'; content: Buffer } & Owned) | { kind: 'link'; target: string };

/** One thing that we have made, and what it took the place of. */
export interface Made {
  path: string;
  /** As `identity` tells it. */
  is: string;
  former?: Former;
}

/** What a file of containerd's configuration is without anything of ours; null: nothing. Undefined: it is none. */
export type OriginalOf = (path: string) => Buffer | null | undefined;

export interface Observed {
  /** @param follow where a link leads, instead of the link */
  entry: (path: string, follow?: boolean) => Entry;
  /** Of files. */
  content: (path: string) => Buffer | undefined;
  /** In the order in which it was made. */
  made: readonly Made[];
}

/** What a thing is, so that it is known again: a file by its bytes. */
export function identity(entry: Entry): string {
  if (entry.kind === 'file') return `file ${entry.sha256}`;
  return entry.kind === 'link' ? `link ${entry.target}` : entry.kind;
}

/** @returns the changes, and what has been made when they are done */
export function planInstall(
  wanted: readonly Wanted[],
  node: Observed,
  original: OriginalOf,
): { changes: Change[]; made: Made[] } {
  const changes: Change[] = [];
  const made = new Map(node.made.map((each) => [each.path, each]));
  const paths = new Set(wanted.map(({ path }) => path));
  const begun = new Set<string>();
  for (const want of wanted) {
    for (const path of directoriesAbove(want.path)) {
      if (begun.has(path) || node.entry(path, true).kind !== 'absent') continue;
      begun.add(path);
      changes.push({ do: 'directory', path, why: `for ${want.path}` });
      made.delete(path);
      made.set(path, { path, is: 'directory' });
    }
    const entry = node.entry(want.path, want.kind === 'file' && want.isConfig === true);
    const change = changeTo(want, entry);
    if (change === undefined) continue;
    changes.push(change);
    const known = made.get(want.path);
    const former = formerOf(want, entry, known, node, original);
    const is = want.kind === 'file' ? `file ${digest(want.content)}` : `link ${want.target}`;
    // Anew, so that what was made last is undone first.
    if (known === undefined) made.delete(want.path);
    made.set(want.path, { path: want.path, is, ...(former && { former }) });
  }
  for (const old of [...node.made].reverse()) {
    if (paths.has(old.path) || old.is === 'directory') continue;
    changes.push(...undo(old, node, original));
    made.delete(old.path);
  }
  return { changes, made: [...made.values()] };
}

/** The highest first. */
function directoriesAbove(path: string): string[] {
  const above = dirname(path);
  return above === '/' ? [] : [...directoriesAbove(above), above];
}

function changeTo(want: Wanted, entry: Entry): Change | undefined {
  const { path, why } = want;
  if (want.kind === 'link') {
    return entry.kind === 'link' && entry.target === want.target
      ? undefined
      : { do: 'link', path, why, target: want.target };
  }
  const isSame = entry.kind === 'file' && entry.sha256 === digest(want.content);
  const { content, mode, isConfig = false } = want;
  // A configuration has the rights that its owner gave it.
  if (isSame && (isConfig || entry.mode === mode)) return undefined;
  const { uid, gid } = entry.kind === 'file' ? entry : { uid: 0, gid: 0 };
  const owned = isConfig && entry.kind === 'file' ? { mode: entry.mode, uid, gid } : { mode };
  return { do: 'file', path, why, content, owned, follow: isConfig };
}

/** What to put back one day: what was there before us, however often we have been here since. */
function formerOf(
  want: Wanted,
  entry: Entry,
  known: Made | undefined,
  node: Observed,
  original: OriginalOf,
): Former | undefined {
  const isConfig = want.kind === 'file' && want.isConfig === true;
  if (known !== undefined && (!isConfig || known.is === identity(entry))) return known.former;
  if (entry.kind === 'link') return { kind: 'link', target: entry.target };
  if (entry.kind !== 'file') return undefined;
  // Others change a configuration, too: theirs is what to put back then.
  const content = isConfig ? original(want.path) : node.content(want.path);
  if (content === undefined || content === null) return known?.former;
  const { mode, uid, gid, mtimeMs } = entry;
  const isKnown = known?.former?.kind === 'file' && known.former.content.equals(content);
  return isKnown ? known.former : { kind: 'file', content, mode, uid, gid, mtimeMs };
}

/** Everything back as it was, the last thing first. */
export function planUninstall(node: Observed, original: OriginalOf): Change[] {
  return [...node.made].reverse().flatMap((made) => undo(made, node, original));
}

function undo(made: Made, node: Observed, original: OriginalOf): Change[] {
  const { path, former } = made;
  const rest = original(path);
  const follow = rest !== undefined;
  const entry = node.entry(path, follow);
  // Only when it is empty: see act.ts.
  if (made.is === 'directory') return [{ do: 'remove', path, why: 'made by the installer' }];
  if (entry.kind === 'absent') return [];
  if (identity(entry) !== made.is) {
    const why = 'somebody has changed it since';
    if (rest === undefined || entry.kind !== 'file') return [{ do: 'keep', path, why }];
    if (rest === null) return [{ do: 'remove', path, why: `${why}, but it is all ours` }];
    if (rest.equals(node.content(path) ?? Buffer.of()))
      return [{ do: 'keep', path, why: `${why}: nothing in it is ours` }];
    const { mode, uid, gid } = entry;
    return [{ do: 'file', path, content: rest, owned: { mode, uid, gid }, follow, why: `${why}: only our lines go` }];
  }
  if (former === undefined) {
    // Somebody else depends on it by now.
    if (rest) return [{ do: 'file', path, content: rest, owned: { mode: 0o644 }, follow, why: 'only our lines go' }];
    return [{ do: 'remove', path, why: 'made by the installer' }];
  }
  const why = 'as it was before';
  if (former.kind === 'link') return [{ do: 'link', path, target: former.target, why }];
  if (rest && !rest.equals(former.content)) {
    const { mode, uid, gid } = former;
    const needed = 'what others have put beside ours needs the rest';
    return [
      { do: 'file', path, content: rest, owned: { mode, uid, gid }, follow, why: `only our part goes: ${needed}` },
    ];
  }
  const { content, mode, uid, gid, mtimeMs } = former;
  return [{ do: 'file', path, content, owned: { mode, uid, gid, mtimeMs }, follow, why }];
}
