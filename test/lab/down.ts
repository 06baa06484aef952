import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { clearCgroups, removeIfEmpty } from './clear.ts';
import { cgroupOfAllLabs, diskRegistry, type Layout, layoutOf, registry } from './layout.ts';
import { changingRegistry, formerLimits, limitsFile } from './registry.ts';
import { restoreLimits } from './machine.ts';

/**
 * Takes a lab away, however much of it there is. Mounts, links and namespaces go with the processes that hold them;
 * what is left are cgroups and files.
 */
export async function down(name: string, signal?: AbortSignal): Promise<void> {
  const layout = layoutOf(name);
  await clearCgroups(layout.cgroup, signal);
  await rm(layout.disk, { recursive: true, force: true });
  await changingRegistry(() => unregister(layout), signal);
}

async function unregister(layout: Layout): Promise<void> {
  await rm(layout.state, { recursive: true, force: true });
  if (!existsSync(registry)) return;
  const others = (await readdir(registry, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  if (others.length > 0) return;
  const former = await formerLimits();
  if (former) await restoreLimits(former);
  await rm(limitsFile, { force: true });
  await rm(registry, { recursive: true });
  await rm(diskRegistry, { recursive: true, force: true });
  await removeIfEmpty(cgroupOfAllLabs);
}
