/** A container's cgroup freezer, version 1 or 2, written directly: no process is started between asking and frozen. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../proto/fault.ts';
import { quote } from '../journal/planted.ts';

const mountPoint = '/sys/fs/cgroup';

export interface Freezer {
  readonly version: 1 | 2;
  /** Absolute path of the cgroup, as CRIU's --freeze-cgroup takes it. */
  readonly path: string;
  /** Resolves when every task has stopped. Throws a Fault, thawed again, when that takes longer than `timeoutMs`. */
  freeze(timeoutMs: number): Promise<void>;
  thaw(): void;
  isFrozen(): boolean;
  /** Pids of all processes, as this namespace sees them. */
  pids(): number[];
  /** Shell text that thaws it, so that a dump leaves no trace in its processes. */
  readonly undo: string;
}

/** The freezer that holds a process. On a hybrid machine version 1 has the freezer, and runc uses it. */
export function freezerOf(pid: number): Freezer {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  const hierarchies = new Map(
    lines.map((line) => line.split(':')).map(([id, names, path]) => [names || id, path ?? '/']),
  );
  const v1 = hierarchies.get('freezer');
  const v2 = hierarchies.get('0');
  if (v1 !== undefined) return freezerAt({ version: 1, path: join(mountPoint, 'freezer', v1) });
  if (v2 !== undefined) return freezerAt({ version: 2, path: join(mountPoint, v2) });
  throw new Fault('FreezeFailed', `process ${pid} is in no cgroup that can be frozen: ${lines.join(' ')}`);
}

/** A freezer that is known already: a pid may have been given to another process since. */
export function freezerAt({ version, path }: Pick<Freezer, 'version' | 'path'>): Freezer {
  const [control, frozenWord, thawedWord] =
    version === 1 ? (['freezer.state', 'FROZEN', 'THAWED'] as const) : (['cgroup.freeze', '1', '0'] as const);
  const file = join(path, control);
  if (!existsSync(file)) {
    throw new Fault(
      'FreezeFailed',
      `${file} is not there: is the cgroup file system mounted at ${mountPoint} on this node?`,
    );
  }
  const isFrozen = () =>
    version === 1
      ? readFileSync(file, 'utf8').trim() === frozenWord
      : /^frozen 1$/m.test(readFileSync(join(path, 'cgroup.events'), 'utf8'));
  const thaw = () => writeFileSync(file, thawedWord);
  return {
    version,
    path,
    isFrozen,
    thaw,
    undo: `[ ! -e ${quote(file)} ] || ${undoing(file, thawedWord, join(path, version === 1 ? 'tasks' : 'cgroup.threads'))}`,
    pids() {
      const pids = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
      // That is how version 2 lists processes of another PID namespace; a signal to it would be for the agent itself.
      if (!pids.includes(0)) return pids;
      throw new Fault('Internal', `processes in ${path} have no pid here: the agent must run with hostPID`);
    },
    async freeze(timeoutMs) {
      const until = performance.now() + timeoutMs;
      // Asking version 1 for its state is what moves it from FREEZING to FROZEN, so there is no event to wait for.
      for (let wait = 0; ; wait = Math.min(wait + 0.2, 5)) {
        writeFileSync(file, frozenWord);
        if (isFrozen()) return;
        if (performance.now() > until) {
          thaw();
          throw new Fault(
            'FreezeFailed',
            `${path} did not freeze within ${timeoutMs} ms: is a task in uninterruptible sleep (D)? The pod runs on`,
          );
        }
        await delay(wait);
      }
    },
  };
}

const script = join(import.meta.dirname, 'thaw.pl');

/** Perl is on every Debian machine; without it, it is thawed all the same. */
function undoing(file: string, word: string, tasks: string): string {
  const plainly = `echo ${word} >${quote(file)}`;
  if (process.arch !== 'x64') return plainly;
  return `perl ${quote(script)} ${quote(file)} ${word} ${quote(tasks)} || ${plainly}`;
}
