/**
 * Where the agent is: a process of the node itself, or in a privileged container with the node's processes in sight
 * (hostPID). Then pid 1 has another root, and what is killed with the container is everything in its cgroup.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const cgroupMount = '/sys/fs/cgroup';

function hasOtherRoot(): boolean {
  try {
    return readlinkSync('/proc/1/ns/mnt') !== readlinkSync('/proc/self/ns/mnt');
  } catch {
    // Not ours to see: nobody without the right to look at pid 1 can be an agent in a container.
    return false;
  }
}

/** Whether the node's own files are elsewhere than below /. */
export const inContainer = hasOtherRoot();

/** A file of the node, as this process reaches it. */
export function ofNode(path: string): string {
  return inContainer ? join('/proc/1/root', path) : path;
}

/** A program of the node, with the node's libraries. */
export function onNode(argv: readonly [string, ...string[]]): [string, ...string[]] {
  return inContainer ? ['nsenter', '--mount=/proc/1/ns/mnt', '--', ...argv] : [...argv];
}

/**
 * What must not end with the agent: the watchdog of a freeze, a CRIU in the middle of a dump, the caller of a restore.
 * A runtime kills every process in the cgroup of a container whose first process has ended, because without a PID
 * namespace nothing else ends them; so these move to a cgroup of their own before they become what they are.
 *
 * @param refuges cgroup.procs of each cgroup that it moves to; it ends with 70 when one does not take it
 */
export function outliving(
  argv: readonly [string, ...string[]],
  refuges: readonly string[] = inContainer ? makeRefuges() : [],
): [string, ...string[]] {
  if (refuges.length === 0) return [...argv];
  const move = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 70; shift; done; shift; exec "$@"';
  return ['/bin/sh', '-c', move, 'outliving', ...refuges, '--', ...argv];
}

/** cgroup.procs of the cgroup `podferry` of each hierarchy, made where it is missing. */
function makeRefuges(): string[] {
  return hierarchies(readFileSync('/proc/self/cgroup', 'utf8'))
    .map((directory) => join(cgroupMount, directory))
    .filter((directory) => existsSync(join(directory, 'cgroup.procs')))
    .map((directory) => {
      const refuge = join(directory, 'podferry');
      mkdirSync(refuge, { recursive: true });
      // A cpuset of version 1 takes nobody before it has processors and memory.
      for (const name of ['cpuset.cpus', 'cpuset.mems'].filter((file) => existsSync(join(refuge, file)))) {
        const own = readFileSync(join(refuge, name), 'utf8').trim();
        if (own === '') writeFileSync(join(refuge, name), readFileSync(join(directory, name)));
      }
      return join(refuge, 'cgroup.procs');
    });
}

/**
 * Where hierarchies are mounted by convention, below the cgroup mount point; '' is a pure version 2.
 * @param text of /proc/PID/cgroup: "4:cpu,cpuacct:/path" and "1:name=systemd:/path" for version 1, "0::/path" for 2
 */
export function hierarchies(text: string): string[] {
  const names = text
    .trim()
    .split('\n')
    .map((line) => (line.split(':')[1] ?? '').replace(/^name=/, ''));
  return names.length === 1 ? names : names.map((name) => name || 'unified');
}
