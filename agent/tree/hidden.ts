/**
 * What an overlay's lower layers have and its merged view has not. Whiteouts tell most of it; an opaque directory
 * (removed and made again) hides everything below it with a mark that only an extended attribute shows. So this asks
 * the merged view itself.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileAt, namesIn } from './names.ts';
import type { Listing } from './scan.ts';

/** An overlay's lower layers, uppermost first, and the container's root as it sees it. */
export interface Overlay {
  lowers: readonly string[];
  merged: string;
}

/**
 * @param upper listing of the upper layer
 * @param directories those of its directories to look into
 * @param fresh paths that the copy does not have from us yet: only those may be cleared away for being of another kind
 *   below. The copy of any other is ours, and what is in it would not come again.
 * @returns paths that the lower layers have and the merged view has not, or has as another kind of file
 */
export function hidden(
  upper: Listing,
  directories: Iterable<string>,
  fresh: ReadonlySet<string>,
  { lowers, merged }: Overlay,
): string[] {
  const gone: string[] = [];
  for (const directory of directories) {
    const below = lowers.filter((lower) => isPlainly(lower, directory));
    const names = new Set(below.flatMap((lower) => namesOr(fileAt(lower, directory), [])));
    const visible = names.size === 0 ? undefined : namesOr(fileAt(merged, directory), undefined);
    // The directory has vanished: the next round knows more.
    if (visible === undefined) continue;
    const seen = new Set(visible);
    for (const name of names) {
      const path = directory === '.' ? name : `${directory}/${name}`;
      const ours = upper.get(path);
      if (ours === undefined) {
        if (!seen.has(name)) gone.push(path);
      } else if (fresh.has(path) && (ours.kind === 'directory') !== isDirectoryBelow(below, path)) gone.push(path);
    }
  }
  return gone;
}

/** Whether nothing of the lower layers shows in a directory of the upper one, however deep. */
export function standsAlone(upper: Listing, directory: string, overlay: Overlay): boolean {
  const below = overlay.lowers.filter((lower) => isPlainly(lower, directory));
  const names = new Set(below.flatMap((lower) => namesOr(fileAt(lower, directory), [])));
  if (names.size === 0) return true;
  const seen = new Set(namesOr(fileAt(overlay.merged, directory), []));
  return [...names].every((name) => {
    const path = directory === '.' ? name : `${directory}/${name}`;
    const ours = upper.get(path);
    if (ours === undefined) return !seen.has(name);
    return ours.kind !== 'directory' || standsAlone(upper, path, overlay);
  });
}

/** Whether a layer has a directory under this very path. A symbolic link on the way would lead out, onto the node. */
function isPlainly(lower: string, directory: string): boolean {
  if (!directory.isWellFormed()) return true;
  try {
    return realpathSync(join(lower, directory)) === join(realpathSync(lower), directory);
  } catch {
    return false;
  }
}

/** As the uppermost layer that has it says. */
function isDirectoryBelow(lowers: readonly string[], path: string): boolean {
  for (const lower of lowers) {
    const stats = lstatSync(fileAt(lower, path), { throwIfNoEntry: false });
    if (stats !== undefined) return stats.isDirectory();
  }
  return false;
}

function namesOr<T>(directory: string | Buffer, otherwise: T): string[] | T {
  try {
    return namesIn(directory);
  } catch {
    return otherwise;
  }
}
