/**
 * CRIU at the source, without runc in between. It is started while the pod still runs, inside the pod's network, host
 * name and IPC namespaces (so it takes them for its own and dumps none of them), and waits in its pre-dump hook.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { appeared } from '../journal/appeared.ts';
import { plant, quote } from '../journal/planted.ts';
import type { ContainerPaths, SidePaths } from '../paths.ts';
import { lastWords } from '../runtime/criu.ts';
import type { Freezer } from '../runtime/freezer.ts';
import { outliving } from '../runtime/node.ts';

const hook = join(import.meta.dirname, 'dump-hook.sh');

export interface HowToDump {
  /** Open connections are written down, which needs their packets to be held; else CRIU closes them in what it writes. */
  keeps: boolean;
  /** Memory stays where it is, to be asked for: see post-copy.ts. */
  lazy: boolean;
  /** CRIU says all that it does. */
  verbose: boolean;
}

export interface DumpPlan extends HowToDump {
  container: string;
  pid: number;
  netns: string;
  /** The container's root file system as the node sees it. */
  rootfs: string;
  freezer: Freezer;
  /** CRIU's --external values: mounts that the target provides. */
  externals: string[];
}

/** A CRIU that waits for the freeze, or is on its way there. */
export interface WaitingDump {
  /** Resolves when it has done all that needs no frozen pod. */
  waits(signal: AbortSignal): Promise<void>;
  /** Lets it dump, once the cgroup is frozen. Resolves when the images are complete; CRIU is still there then. */
  dump(signal: AbortSignal): Promise<void>;
  /** Whether it holds on, because it has linked files into the container's root that have to be carried first. */
  holdsOn(): boolean;
  letGo(): void;
  /** Resolves when CRIU has gone and its tasks are back in the freezer; before that nobody may thaw or commit. */
  gone: Promise<void>;
  /** Ends a CRIU that waits. One that is in the middle ends by itself: killed, it would leave its parasite behind. */
  cancel(): void;
}

/** Starts CRIU. */
export function prepareDump(side: SidePaths, paths: ContainerPaths, plan: DumpPlan): WaitingDump {
  mkdirSync(paths.images, { recursive: true, mode: 0o700 });
  mkdirSync(paths.work, { recursive: true, mode: 0o700 });
  execFileSync('mkfifo', [paths.go]);
  plant(side, 'waiting-dump', undoOf(paths), `-${plan.container}`);
  plant(side, 'frozen-cgroup', plan.freezer.undo, `-${plan.container}`);
  const criu = ['nsenter', ...inside(plan), 'criu', ...dumpArguments(paths, plan)];
  const [program, ...rest] = outliving(['flock', '--no-fork', '--nonblock', paths.dumping, ...criu]);
  const child = spawn(program, rest, {
    // With a socket for pages CRIU serves them itself, holding its tasks, until that is closed: at once. They are read
    // from the frozen processes' memory when they are asked for.
    stdio: ['ignore', 'ignore', 'ignore', ...(plan.lazy ? ['pipe' as const] : [])],
    env: { ...process.env, PODFERRY_STAGING: paths.directory },
    // A process group of its own: what ends the agent must not end a dump in the middle.
    detached: true,
  });
  if (child.stdio[3] instanceof Socket)
    child.stdio[3]
      .on('error', () => {})
      .resume()
      .end();
  const gone = endOf(child, plan, paths);
  gone.catch(() => {});
  const tell = (word: string) => writeFileSync(paths.go, `${word}\n`, { flag: 'r+' });
  return {
    gone,
    async waits(signal) {
      const waiting = appeared(paths.waiting, signal);
      await Promise.race([waiting, gone.then(() => waiting)]);
    },
    async dump(signal) {
      const dumped = appeared(paths.dumped, signal);
      tell('go');
      await Promise.race([dumped, gone.then(() => dumped)]);
    },
    holdsOn: () => existsSync(join(paths.images, 'remap-fpath.img')),
    letGo: () => tell('go'),
    cancel() {
      if (child.exitCode !== null) return;
      // For a hook that is not there yet: it looks before it waits.
      writeFileSync(paths.cancelled, '');
      tell('abort');
    },
  };
}

/**
 * Ends a CRIU that waits, and waits for one that dumps. It has to be gone before the thaw: while it dumps it holds the
 * processes itself, and when it leaves it freezes the cgroup again, however often that was thawed meanwhile.
 */
function undoOf({ go, cancelled, dumping }: ContainerPaths): string {
  return `[ ! -p ${quote(go)} ] || { : >${quote(cancelled)}; echo abort 1<>${quote(go)}; flock ${quote(dumping)} true; }`;
}

function inside(plan: DumpPlan): string[] {
  return [`--net=${plan.netns}`, `--uts=/proc/${plan.pid}/ns/uts`, `--ipc=/proc/${plan.pid}/ns/ipc`, '--'];
}

function dumpArguments(paths: ContainerPaths, plan: DumpPlan): string[] {
  return [
    'dump',
    ...['--tree', String(plan.pid)],
    ...['--images-dir', paths.images],
    ...['--work-dir', paths.work],
    // Warnings and errors. All else that CRIU would say is two thousand lines, which cost a seventh of the dump.
    ...['--log-file', 'dump.log', plan.verbose ? '-v4' : '-v2'],
    ...['--root', plan.rootfs],
    ...['--action-script', hook],
    // The source stays where it is, frozen: no exit event, so nobody restarts it, and thawing it is the roll back.
    '--leave-running',
    ...['--freeze-cgroup', plan.freezer.path],
    // With `ignore` the image says nothing of controllers, and the restored tasks land in the source's path.
    '--manage-cgroups=soft',
    // CRIU's own lock is an nftables transaction at either end; ours stands already.
    '--network-lock=skip',
    plan.keeps ? '--tcp-established' : '--tcp-close',
    '--skip-in-flight',
    '--file-locks',
    '--link-remap',
    ...['--ghost-limit', '1073741824'],
    '--ext-unix-sk',
    ...(plan.lazy ? ['--lazy-pages', '--ps-socket', '3'] : []),
    ...plan.externals.flatMap((external) => ['--external', external]),
  ];
}

async function endOf(child: ChildProcess, plan: DumpPlan, paths: ContainerPaths): Promise<void> {
  const [code, error] = await new Promise<[number | null, Error | undefined]>((resolve) => {
    child.once('exit', (exit) => resolve([exit, undefined]));
    child.once('error', (failure) => resolve([null, failure]));
  });
  if (code === 0) return;
  const log = join(paths.work, 'dump.log');
  const why = error?.message ?? lastWords(log) ?? `exit code ${code}`;
  throw new Fault(
    'DumpFailed',
    `CRIU could not dump container ${plan.container} (pid ${plan.pid}): ${why}. Its log stays on this node, below kept/ in the state directory; started with --keep-logs, this agent has CRIU write down all that it does`,
  );
}
