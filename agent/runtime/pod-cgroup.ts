/**
 * The cgroup that holds a pod's containers. CRI makes it and leaves its removal to kubelet; where there is no kubelet,
 * whoever removes the pod removes it too.
 */
import { readdirSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { PodConfig } from './runtime.ts';

const mountPoint = '/sys/fs/cgroup';

/** Only a cgroup that bears the pod's own UID, and only when it is empty; kubelet's systemd slices are kubelet's. */
export function removePodCgroup(config: PodConfig): void {
  const parent = config.linux?.cgroup_parent ?? '';
  const uid = config.metadata?.uid ?? '';
  if (!parent.startsWith('/') || uid === '' || !basename(parent).includes(uid)) return;
  const hierarchies = readdirSync(mountPoint, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const directory of [mountPoint, ...hierarchies.map(({ name }) => join(mountPoint, name))]) {
    try {
      rmdirSync(join(directory, parent));
    } catch {
      // Not there in this hierarchy, or something else is in it: it stays.
    }
  }
}
