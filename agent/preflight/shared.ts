/** Mounts that the target has just as this node does, as the coordinator knows: nothing of them is carried. */
import { readFileSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { descriptorNumbers } from './describe.ts';

/** Mount points by the names of containers. */
export type SharedMounts = ReadonlyMap<string, ReadonlySet<string>>;

const form = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):(\/.*)$/s;

/** @param written CONTAINER:MOUNT_PATH. @throws Fault InvalidArgument */
export function readSharedMounts(written: readonly string[]): SharedMounts {
  const mounts = new Map<string, Set<string>>();
  for (const each of written) {
    const [, container = '', path = ''] = form.exec(each) ?? [];
    if (container === '') throw new Fault('InvalidArgument', `${JSON.stringify(each)} is not CONTAINER:/MOUNT/PATH`);
    mounts.set(container, (mounts.get(container) ?? new Set<string>()).add(plain(path)));
  }
  return mounts;
}

/** As the kernel writes it, however somebody has spelt it. */
export function plain(path: string): string {
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

/** The source keeps its locks until it goes, so the target's processes could not have them again. */
export function locksOnShared(pids: readonly number[], mountPoints: ReadonlySet<string>): string[] {
  if (mountPoints.size === 0) return [];
  const isShared = (path: string) => [...mountPoints].some((point) => path === point || path.startsWith(`${point}/`));
  const files = new Set<string>();
  for (const pid of pids) {
    for (const fd of descriptorNumbers(pid)) {
      try {
        const file = readlinkSync(`/proc/${pid}/fd/${fd}`);
        if (isShared(file) && /^lock:/m.test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))) files.add(file);
      } catch {
        // It was closed meanwhile.
      }
    }
  }
  return [...files];
}
