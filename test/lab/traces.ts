/**
 * What there is on a node: processes, mounts, rules, files, containers. Taken before and after something that should
 * leave nothing behind. Names that are made anew each time (ids, UIDs, addresses) are taken for equal, so that what
 * one pod has can be compared with what another one has.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from './lab.ts';
import type { NodeName } from './layout.ts';

/** `kind name`, and how many of them there are. */
export type Traces = ReadonlyMap<string, number>;

/** Without what a node's first pod or migration brings and nobody takes away. */
export async function tracesOf(lab: Lab, node: NodeName, signal?: AbortSignal): Promise<Traces> {
  const all = await everythingOn(lab, node, signal);
  return new Map([...all].filter(([name]) => !lasting.some((pattern) => pattern.test(name))));
}

export async function everythingOn(lab: Lab, node: NodeName, signal?: AbortSignal): Promise<Traces> {
  const { root } = lab.node(node);
  const { upper } = lab.layout.nodeDisk(node);
  const asked = await lab.run(node, ['sh', '-euc', inside], signal ? { signal } : {});
  return count([
    ...asked.trim().split('\n'),
    ...mounts(root),
    ...processes(root),
    // What changed on the node's disk and in its tmpfs mounts, and what of shared storage it sees.
    ...[upper, `${root}/run`, `${root}/tmp`, `${root}/dev`, `${root}/srv/podferry-nfs`].flatMap((top) => files(top)),
    ...cgroups(join(root, 'sys/fs/cgroup')),
  ]);
}

/** Names that are made anew each time are taken for equal. */
export function count(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of lines.map((line) => withoutIds(line))) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/**
 * What it takes namespaces of the node to see. Rules also in every pod's network. Snapshots as containerd knows them:
 * it removes their files when it next collects its garbage, whenever that is.
 */
const inside = `
ctr -n k8s.io containers ls -q | sed 's/^/container /'
ctr -n k8s.io tasks ls -q | sed 's/^/task /'
ctr -n k8s.io snapshots ls | sed '1d;s/.*/snapshot/'
ctr -n k8s.io leases ls -q | sed 's/^/lease /'
ls /sys/class/net | sed 's/^/link /'
nft list ruleset | sed 's/^/rule /'
for netns in /run/netns/*; do
  [ -e "$netns" ] || continue
  nsenter --net="$netns" nft list ruleset | sed 's/^/rule of a pod: /'
done
`;

function mounts(root: string): string[] {
  const lines = readFileSync(join(root, 'proc/1/mountinfo'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const fields = line.split(' ');
    return `mount ${fields[fields.indexOf('-') + 1]} ${fields[4]}`;
  });
}

function processes(root: string): string[] {
  const proc = join(root, 'proc');
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        const words = readFileSync(join(proc, pid, 'cmdline'), 'utf8')
          .split('\0')
          .join(' ')
          .trim();
        return `process ${words || readFileSync(join(proc, pid, 'stat'), 'utf8').replace(/^\d+ |(?<=\) .).*/gs, '')}`;
      } catch {
        return undefined;
      }
    })
    .filter((line) => line !== undefined);
}

/** Not into what is mounted below: mounts are listed themselves. */
function files(top: string): string[] {
  const device = statSync(top).dev;
  const walk = (directory: string): string[] =>
    entriesOf(directory).flatMap((entry) => {
      const path = join(directory, entry.name);
      const below = entry.isDirectory() && deviceOf(path) === device ? walk(path) : [];
      return [`file ${path.slice(top.lastIndexOf('/'))}`, ...below];
    });
  return walk(top);
}

function cgroups(top: string): string[] {
  return entriesOf(top)
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const walk = (path: string): string[] =>
        entriesOf(join(top, path))
          .filter((entry) => entry.isDirectory())
          .flatMap((entry) => [`cgroup ${path}/${entry.name}`, ...walk(join(path, entry.name))]);
      return [`cgroup ${name}`, ...walk(name)];
    });
}

/** What is there one moment may be gone the next. */
function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function deviceOf(path: string): number | undefined {
  try {
    return statSync(path).dev;
  } catch {
    return undefined;
  }
}

function withoutIds(line: string): string {
  return line
    .replaceAll(/[0-9a-f]{64}/g, 'ID')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/\bveth[0-9a-f]+\b/g, 'veth')
    .replaceAll(/\b10\.88\.\d+\.\d+\b/g, 'POD-IP')
    .replaceAll(/\bfd00:88:[0-9a-f:]+/g, 'POD-IP')
    .replace(/(?<=\/io\/)\d+/, 'N');
}

/** What comes with a node's first pod or migration and stays, once, whoever goes. */
const lasting = [
  /^link cni0$/,
  /^file \/run\/(netns|utmp|criu\.kdat|podferry\/(source|target|restored))$/,
  /^file \/run\/containerd\/(s|runc|runc\/k8s\.io|io\.containerd\.[a-z0-9.]+\/(containers|sandboxes|k8s\.io))$/,
  /^file \/upper\/var\/lib\/cni(\/networks(\/podferry(\/(lock|last_reserved_ip\.[01]))?)?|\/results)?$/,
  // A pod's log, and its cgroup above those of its containers, are kubelet's to remove; no runtime does it.
  /^file \/upper\/var\/log\/pods\//,
  /^cgroup [^/]+\/kubepods(\/besteffort(\/podUID)?)?$/,
];

/** What one has and the other has not, in words. */
export interface Difference {
  extra: string[];
  missing: string[];
}

export function difference(now: Traces, expected: Traces): Difference {
  return { extra: above(now, expected), missing: above(expected, now) };
}

function above(one: Traces, other: Traces): string[] {
  return [...one].flatMap(([name, count]) => {
    const more = count - (other.get(name) ?? 0);
    return more > 0 ? [more === 1 ? name : `${more} × ${name}`] : [];
  });
}

/** Adds what one has more than another: to node-b without a pod, what node-a has more with it than without. */
export function withMore(traces: Traces, more: Traces, than: Traces): Traces {
  const names = new Set([...traces.keys(), ...more.keys()]);
  const of = (some: Traces, name: string) => some.get(name) ?? 0;
  return new Map([...names].map((name) => [name, of(traces, name) + of(more, name) - of(than, name)]));
}

/** Milliseconds. */
const settleMs = 5_000;

/**
 * Looks until a node has what is expected of it. A container's shim leaves and containerd collects its garbage a
 * moment after what was asked of them is done.
 *
 * @returns how it still differs in the end
 */
export async function settle(lab: Lab, node: NodeName, expected: Traces, signal?: AbortSignal): Promise<Difference> {
  const until = performance.now() + settleMs;
  for (;;) {
    const found = difference(await tracesOf(lab, node, signal), expected);
    if ((found.extra.length === 0 && found.missing.length === 0) || performance.now() > until) return found;
    await sleep(100, undefined, signal ? { signal } : {});
  }
}
