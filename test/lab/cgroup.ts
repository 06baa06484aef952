import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/**
 * The cgroup tree of a lab. Everything that a lab starts is below one cgroup of the v2 hierarchy, so `down` finds it
 * all without knowing a single pid, and however far an `up` came.
 */

export interface Hierarchy {
  /** Where the host has it mounted. */
  path: string;
  version: 1 | 2;
  /** How to mount the same hierarchy once more (`cpu,cpuacct`, `none,name=systemd`). */
  options: string;
}

export function hierarchies(mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of mountinfo.split('\n')) {
    const [mount, source] = line.split(' - ');
    const path = mount?.split(' ')[4];
    const [type, , superOptions] = source?.split(' ') ?? [];
    if (path === undefined || !path.startsWith('/sys/fs/cgroup')) continue;
    if (type === 'cgroup2') found.push({ path, version: 2, options: '' });
    if (type === 'cgroup') found.push({ path, version: 1, options: v1Options(superOptions ?? '') });
  }
  return found;
}

function v1Options(superOptions: string): string {
  const kept = superOptions
    .split(',')
    .filter((option) => !['rw', 'ro', 'xattr', 'clone_children', 'noprefix'].includes(option))
    .filter((option) => !option.startsWith('release_agent='));
  return kept.every((option) => option.startsWith('name=')) ? ['none', ...kept].join(',') : kept.join(',');
}

export function unified(all = hierarchies()): Hierarchy {
  const found = all.find((hierarchy) => hierarchy.version === 2);
  if (!found) {
    throw new Error(
      'no cgroup v2 hierarchy below /sys/fs/cgroup: the lab follows its processes with it; ' +
        'mount one with: mkdir /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified',
    );
  }
  return found;
}

/** Makes a cgroup in a hierarchy, with its parents, ready to take processes and to hand controllers on. */
export async function makeCgroup(hierarchy: Hierarchy, path: string): Promise<string> {
  let at = hierarchy.path;
  for (const part of path.split('/')) {
    if (hierarchy.version === 2) await handOnControllers(hierarchy, at);
    const parent = at;
    at = join(at, part);
    await mkdir(at, { recursive: true });
    if (hierarchy.version === 1) await fillCpuset(parent, at);
  }
  return at;
}

async function handOnControllers(hierarchy: Hierarchy, cgroup: string): Promise<void> {
  // Beside v1 hierarchies containers use those; a v2 cgroup that hands on nothing may hold processes.
  if (hierarchy.path !== '/sys/fs/cgroup') return;
  const controllers = (await readFile(join(cgroup, 'cgroup.controllers'), 'utf8')).trim().split(' ');
  for (const controller of ['cpu', 'cpuset', 'io', 'memory', 'pids'].filter((name) => controllers.includes(name))) {
    // One by one: a controller that cannot be handed on here must not cost the others.
    await writeFile(join(cgroup, 'cgroup.subtree_control'), `+${controller}`).catch(() => {});
  }
}

/** Makes the cgroup for a node's own processes; containers become its siblings, as on a machine of their own. */
export async function makeNodeCgroup(hierarchy: Hierarchy, path: string): Promise<string> {
  const node = await makeCgroup(hierarchy, path);
  const init = join(node, 'init');
  await mkdir(init, { recursive: true });
  if (hierarchy.version === 1) await fillCpuset(node, init);
  return node;
}

async function fillCpuset(parent: string, cgroup: string): Promise<void> {
  // A v1 cpuset starts empty and refuses every process until it has processors and memory.
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (existsSync(join(cgroup, file))) await writeFile(join(cgroup, file), await readFile(join(parent, file)));
  }
}

/** What a node's boot script needs to mount the hierarchies again, seen from the node's own cgroup. */
export function mountList(all = hierarchies()): string {
  return all
    .map(({ path, version, options }) => `${path === '/sys/fs/cgroup' ? '.' : basename(path)}|v${version}|${options}`)
    .join('\n');
}
