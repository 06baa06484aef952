/** tmpfs mounts of a migration, written down with their undo. */
import { mkdir } from 'node:fs/promises';
import type { Reason } from '../../proto/fault.ts';
import type { SidePaths } from '../paths.ts';
import { run } from '../runtime/command.ts';
import { type Planted, plant, quote } from './planted.ts';

export interface TmpfsOptions {
  what: Planted;
  /** Tells several of a kind apart. */
  which?: string;
  bytes: number;
  mode: string;
  /** Beyond nosuid. */
  options?: readonly string[];
  reason: Reason;
}

export async function mountTmpfs(side: SidePaths, directory: string, options: TmpfsOptions): Promise<void> {
  const { what, which, bytes, mode, reason } = options;
  const flags = [`size=${Math.ceil(bytes / 4096) * 4096}`, `mode=${mode}`, 'nosuid', ...(options.options ?? [])].join(
    ',',
  );
  await mkdir(directory, { recursive: true });
  const quoted = quote(directory);
  // Detached, because the container that was restored may hold a bind mount of it.
  plant(side, what, `while mountpoint -q ${quoted}; do umount -l ${quoted} || exit 1; done`, which);
  const mount = async (extra: string) =>
    await run(['mount', '-t', 'tmpfs', '-o', flags + extra, 'podferry', directory], {
      reason,
      what: `mounting a tmpfs of ${bytes} bytes on ${directory}`,
    });
  // Written and read several times as fast in large pages; a kernel may have been built without them.
  if (what === 'staging') await mount(',huge=within_size').catch(async () => await mount(''));
  else await mount('');
}
