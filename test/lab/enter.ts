import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Place } from './layout.ts';

/** What it takes to start a process in a place. */
export interface Entrance {
  place: Place;
  /** Pid 1 of a node, or the process that keeps the control network; as the host counts. */
  pid: number;
  /** Joined before the namespaces are: what runs in the place has to die with it. */
  cgroups: readonly string[];
}

export const nodeEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
};

const join = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"';

/** The command that runs `argv` in the place. Not `ip netns exec`: it mounts a /sys of its own and hides the cgroups. */
export function entering(entrance: Entrance, argv: readonly string[]): string[] {
  const namespaces =
    entrance.place === 'control'
      ? [`--net=/proc/${entrance.pid}/ns/net`]
      : ['-t', String(entrance.pid), '-m', '-u', '-i', '-n', '-p', '-C', '-r', '-w'];
  return ['sh', '-c', join, 'enter', ...entrance.cgroups, '--', 'nsenter', ...namespaces, '--', ...argv];
}

export function spawnIn(entrance: Entrance, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const { signal, ...others } = options;
  const [program, ...rest] = entering(entrance, argv);
  const child = spawn(program ?? 'sh', rest, {
    ...others,
    env:
      entrance.place === 'control'
        ? { ...process.env, ...options.env }
        : { ...nodeEnvironment, ...(process.env.TERM && { TERM: process.env.TERM }), ...options.env },
  });
  // The child is nsenter, which waits outside the node's pid namespace for the program within: a signal has to go on.
  if (entrance.place !== 'control') passSignalsOn(child);
  if (signal) {
    const end = () => void child.kill('SIGKILL');
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    child.once('close', () => signal.removeEventListener('abort', end));
  }
  return child;
}

function passSignalsOn(child: ChildProcess): void {
  const killOuter = child.kill.bind(child);
  child.kill = (name) => {
    const inner = child.pid === undefined || child.exitCode !== null ? [] : childrenOf(child.pid);
    if (inner.length === 0) return killOuter(name);
    for (const pid of inner) process.kill(pid, name);
    return true;
  };
}

export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
