/** All that the kernel says of a container's processes, to lay what was beside what is. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab/index.ts';
import type { Placed } from './migrate.ts';

/** By the process's id within the container, then by what is said. */
export type Look = Record<string, Record<string, unknown>>;

/** Of each: whole files of /proc/PID that have to be the same, byte by byte. */
const wholeFiles = [
  'cmdline',
  'comm',
  'coredump_filter',
  'environ',
  'gid_map',
  'limits',
  'loginuid',
  'oom_score_adj',
  'personality',
  'setgroups',
  'timerslack_ns',
  'uid_map',
];

/**
 * Lines of /proc/PID/status that say what a process is rather than what it does at the moment: no sizes of memory, no
 * counts of context switches, no state, no ids as the node counts. NSpid and its like end with the container's ids.
 *
 * Cpus_allowed is not among them. CRIU does not carry it: processors are a node's own, and a container's cpuset is in
 * its config.
 */
const lasting =
  /^(Name|Umask|Uid|Gid|Groups|NSpid|NStgid|NSpgid|NSsid|Threads|Sig(Pnd|Blk|Ign|Cgt)|ShdPnd|Cap\w+|NoNewPrivs|Seccomp\w*|Mems_allowed_list|CoreDumping|THP_enabled)$/;

export function lookAt(lab: Lab, pod: Placed): Look {
  const proc = join(lab.node(pod.node).root, 'proc');
  const looks = pidsIn(lab, pod).map((pid): [string, Look[string]] => {
    const status = fieldsOf(readFileSync(join(proc, pid, 'status'), 'utf8'));
    const own = status.get('NSpid')?.split('\t').at(-1) ?? '';
    // All that is left of a zombie is what its parent can ask for.
    if (status.get('State')?.startsWith('Z') === true)
      return [own, { name: status.get('Name'), exitCode: statOf(join(proc, pid)).at(-1) }];
    return [own, lookAtProcess(join(proc, pid), status)];
  });
  return Object.fromEntries(looks);
}

/** Its cgroup in each hierarchy, below the node's own. */
export function cgroupsOf(lab: Lab, { node, pid }: Pick<Placed, 'node' | 'pid'>): Record<string, string> {
  const lines = readFileSync(join(lab.node(node).root, `proc/${pid}/cgroup`), 'utf8')
    .trim()
    .split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [, controllers = '', path = ''] = line.split(':');
      return [controllers || 'unified', path.replace(`/${lab.layout.cgroup}/${node}`, '')];
    }),
  );
}

/** All of a container's processes, as the node counts. */
export function pidsIn(lab: Lab, { node, pid }: Pick<Placed, 'node' | 'pid'>): string[] {
  const proc = join(lab.node(node).root, 'proc');
  const space = readlinkSync(join(proc, `${pid}/ns/pid`));
  return readdirSync(proc).filter((name) => /^\d+$/.test(name) && linkOf(join(proc, name, 'ns/pid')) === space);
}

function lookAtProcess(directory: string, status: ReadonlyMap<string, string>): Look[string] {
  const stat = statOf(directory);
  return {
    ...Object.fromEntries(wholeFiles.map((name) => [name, readFileSync(join(directory, name), 'utf8')])),
    ...Object.fromEntries(['cwd', 'exe', 'root'].map((name) => [name, linkOf(join(directory, name))])),
    status: Object.fromEntries(
      [...status]
        .filter(([name]) => lasting.test(name))
        .map(([name, value]) => [name, name.startsWith('NS') ? value.split('\t').at(-1) : value]),
    ),
    nice: stat[16],
    policy: stat.slice(37, 39),
    descriptors: descriptors(directory),
    mounts: mounts(readFileSync(join(directory, 'mountinfo'), 'utf8')),
  };
}

function fieldsOf(status: string): Map<string, string> {
  return new Map(status.split('\n').map((line) => line.split(/:\s*/, 2) as [string, string]));
}

/** What comes after the name in parentheses: state, parent, … */
function statOf(directory: string): string[] {
  return readFileSync(join(directory, 'stat'), 'utf8').replace(/.*\) /s, '').trim().split(' ');
}

/** What each leads to, without numbers that the kernel gives out, and how it was opened. */
function descriptors(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(join(directory, 'fd')).map((number) => {
      const said = fieldsOf(readFileSync(join(directory, 'fdinfo', number), 'utf8'));
      // O_LARGEFILE means nothing to a 64-bit kernel; stdio is opened anew, by a path, and so gets it.
      const flags = Number.parseInt(said.get('flags') ?? '0', 8) & ~0o100000;
      const offset = /^[/]/.test(linkOf(join(directory, 'fd', number))) ? ` at ${said.get('pos')}` : '';
      return [number, `${linkOf(join(directory, 'fd', number)).replace(/:\[\d+\]/, '')} ${flags.toString(8)}${offset}`];
    }),
  );
}

/**
 * Where what is mounted, and how; without what differs by right:
 * - numbers of mounts, devices and snapshots, ids of containers, the node's own paths;
 * - the order, which follows from who made them;
 * - name and size of a tmpfs that stands for another one, and nosuid where it has no programs.
 */
function mounts(mountinfo: string): string[] {
  return mountinfo
    .trim()
    .split('\n')
    .map((line) => {
      const [, , , root = '', at, options = '', ...more] = line.split(' ');
      const dash = more.indexOf('-');
      const propagation = more.slice(0, dash).map((tag) => tag.replace(/:\d+/, ''));
      const [type, from, own = ''] = more.slice(dash + 1);
      const place = [root, at, ...propagation, type];
      if (type === 'tmpfs') return [...place, options.replace(/,nosuid|,relatime/g, '')].join(' ');
      return [...place, options, from, own]
        .join(' ')
        .replaceAll(/[0-9a-f]{64}/g, 'ID')
        .replaceAll(/\/podferry-lab\/[^/]+\/node-[abc]\//g, '/NODE/')
        .replaceAll(/\/snapshots\/\d+\//g, '/snapshots/N/');
    })
    .sort();
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
