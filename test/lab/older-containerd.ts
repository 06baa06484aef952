import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { locked } from './lock.ts';
import { contentKey, debian } from './root.ts';

/** containerd 1.7, which many clusters still have: that of Debian trixie. Its programs run on the nodes' root. */
const suite = 'trixie';
const programs = ['containerd', 'containerd-shim-runc-v2'];

/** The directory with its programs, cached. */
export async function olderContainerd(cache: string, signal?: AbortSignal): Promise<string> {
  const directory = join(cache, `containerd-1.7-${contentKey(suite, programs)}`);
  const fetch = async () => {
    if (existsSync(directory)) return;
    const building = `${directory}.building`;
    await rm(building, { recursive: true, force: true });
    const tree = join(building, 'tree');
    await mkdir(join(building, 'bin'), { recursive: true });
    const argv = ['mmdebstrap', '--quiet', '--variant=extract', ...debian.options, '--include=containerd', suite, tree];
    await run(argv, {}, signal);
    for (const program of programs) await cp(join(tree, 'usr/bin', program), join(building, 'bin', program));
    await rename(join(building, 'bin'), directory);
    await rm(building, { recursive: true });
  };
  await locked(join(cache, '.lock-containerd'), fetch, signal);
  return directory;
}
