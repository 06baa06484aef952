import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from './command.ts';
import { childrenOf, type Entrance, entering, nodeEnvironment } from './enter.ts';
import type { Layout } from './layout.ts';

/**
 * A program that outlives the command that started it, and that any later command or test can stop: it holds a lock on
 * a file of its name as long as it lives, so nobody kills by a pid that has a new owner, and waiting for its end needs
 * no looking again and again.
 */
export interface Daemon {
  /** Unique in the lab; names the log and the lock: `node-a.agent`. */
  name: string;
  argv: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** A line of its log that says it is ready. */
  ready?: RegExp;
}

const files = (layout: Layout, name: string) => ({
  lock: join(layout.state, `${name}.lock`),
  pid: join(layout.state, `${name}.pid`),
});

export async function startDaemon(
  layout: Layout,
  entrance: Entrance,
  daemon: Daemon,
  signal?: AbortSignal,
): Promise<void> {
  const { lock, pid } = files(layout, daemon.name);
  if (await holds(lock)) throw new Error(`${daemon.name} of lab ${layout.name} is running already`);
  const path = layout.log(daemon.name);
  const log = openSync(path, 'a');
  const from = statSync(path).size;
  // The lock stays with nsenter (in `control`: with the program itself). Within a node the program must not inherit
  // it, or its own children (containerd's shims) would hold it after its end.
  const inner = entrance.place === 'control' ? daemon.argv : ['sh', '-c', 'exec 9>&- "$@"', 'sh', ...daemon.argv];
  const argv = [
    '-c',
    'exec 9>"$1"; flock -n 9 || exit 125; shift; exec "$@"',
    'sh',
    lock,
    ...entering(entrance, inner),
  ];
  const child = spawn('sh', argv, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...(entrance.place === 'control' ? process.env : nodeEnvironment), ...daemon.env },
  });
  closeSync(log);
  child.unref();
  writeFileSync(pid, `${child.pid}`);
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, by) =>
      reject(new Error(`${daemon.name} ended while it started (${by ?? `exit ${code}`}):\n${tail(path, from)}`)),
    );
  });
  const { ready } = daemon;
  const over = new AbortController();
  const patience = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  try {
    await Promise.race([ended, ready ? saysInLog(path, from, ready, patience) : started(child)]);
  } finally {
    over.abort();
  }
}

function started(child: ReturnType<typeof spawn>): Promise<void> {
  return new Promise((resolve) => {
    child.once('spawn', resolve);
  });
}

/** Whether the daemon runs. */
export function runsDaemon(layout: Layout, name: string): Promise<boolean> {
  return holds(files(layout, name).lock);
}

/** Sends a signal to a running daemon and waits for its end. Answers false if it was not running. */
export async function stopDaemon(
  layout: Layout,
  entrance: Entrance,
  name: string,
  kill: NodeJS.Signals = 'SIGTERM',
  signal?: AbortSignal,
): Promise<boolean> {
  const pid = await daemonPid(layout, entrance, name);
  if (pid === undefined) return false;
  process.kill(pid, kill);
  await run(['flock', files(layout, name).lock, 'true'], {}, signal);
  return true;
}

/** The daemon's pid as the host counts. */
export async function daemonPid(layout: Layout, entrance: Entrance, name: string): Promise<number | undefined> {
  const { lock, pid } = files(layout, name);
  if (!(await holds(lock))) return undefined;
  const outer = Number(readFileSync(pid, 'utf8'));
  return entrance.place === 'control' ? outer : childrenOf(outer)[0];
}

async function holds(lock: string): Promise<boolean> {
  return (await attempt(['flock', '-n', '-E', '17', lock, 'true'])).code === 17;
}

function tail(path: string, from: number): string {
  return readFileSync(path).subarray(from).toString().trim().split('\n').slice(-12).join('\n');
}

function saysInLog(path: string, from: number, pattern: RegExp, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (pattern.test(readFileSync(path).subarray(from).toString())) finish();
    };
    const watcher = watch(path, look);
    const aborted = () => finish(new Error(`gave up waiting for ${pattern} in ${path}`));
    const finish = (error?: Error) => {
      watcher.close();
      signal?.removeEventListener('abort', aborted);
      if (error) reject(error);
      else resolve();
    };
    signal?.addEventListener('abort', aborted);
    look();
  });
}
