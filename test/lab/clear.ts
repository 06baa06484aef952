import { type Dirent, existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hierarchies, unified } from './cgroup.ts';

/** Ends whatever runs below a cgroup, and removes it from all hierarchies. */
export async function clearCgroups(path: string, signal?: AbortSignal): Promise<void> {
  const all = hierarchies();
  const root = join(unified(all).path, path);
  const everywhere = all.map((hierarchy) => join(hierarchy.path, path));
  // Again if it was in vain: an `up` that was killed leaves children that may join their cgroup only now.
  for (let tries = 3; existsSync(root); tries--) {
    await endNodes(root, everywhere, signal);
    await endAll(root, everywhere, signal);
    try {
      for (const cgroup of everywhere) await remove(cgroup);
    } catch (error) {
      if (tries === 0) throw error;
    }
  }
  for (const cgroup of everywhere) await remove(cgroup);
}

/** Removes the cgroup that all labs share, if no lab is left in it. */
export async function removeIfEmpty(path: string): Promise<void> {
  for (const hierarchy of hierarchies()) {
    const cgroup = join(hierarchy.path, path);
    if (existsSync(cgroup) && below(cgroup).length === 0) await rmdir(cgroup);
  }
}

/**
 * Nodes go by their pid 1, the rest of them by the kernel: so the processes outside that wait for one within (the
 * parent of pid 1, every nsenter) still reap it. Killed in one stroke with them it would wait for the machine's init.
 */
async function endNodes(root: string, everywhere: readonly string[], signal?: AbortSignal): Promise<void> {
  for (const { name } of below(root)) {
    const node = join(root, name);
    const init = processesOf(join(node, 'init')).find(isPid1OfItsNamespace);
    if (init === undefined) continue;
    process.kill(init, 'SIGKILL');
    for (const cgroup of everywhere) await thawBelow(join(cgroup, name));
    const patience = AbortSignal.timeout(3000);
    // What does not end in time is killed with all the rest.
    await emptied(node, signal ? AbortSignal.any([signal, patience]) : patience).catch(() => {});
  }
}

async function endAll(root: string, everywhere: readonly string[], signal?: AbortSignal): Promise<void> {
  await writeFile(join(root, 'cgroup.kill'), '1');
  for (const cgroup of everywhere) await thawBelow(cgroup);
  await emptied(root, signal);
}

/** A task frozen by a v1 freezer dies only when thawed; the signal is there already, so none of its code runs. */
async function thawBelow(cgroup: string): Promise<void> {
  const state = join(cgroup, 'freezer.state');
  if (existsSync(state)) await writeFile(state, 'THAWED');
  for (const entry of below(cgroup)) await thawBelow(join(cgroup, entry.name));
}

async function remove(cgroup: string): Promise<void> {
  if (!existsSync(cgroup)) return;
  for (const entry of below(cgroup)) await remove(join(cgroup, entry.name));
  await rmdir(cgroup);
}

function below(cgroup: string): Dirent[] {
  return existsSync(cgroup) ? readdirSync(cgroup, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
}

function processesOf(cgroup: string): number[] {
  const file = join(cgroup, 'cgroup.procs');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : [];
}

function isPid1OfItsNamespace(pid: number): boolean {
  try {
    return /^NSpid:\t\d+\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    // It has ended since.
    return false;
  }
}

function emptied(cgroup: string, signal?: AbortSignal): Promise<void> {
  const events = join(cgroup, 'cgroup.events');
  const isEmpty = () => readFileSync(events, 'utf8').includes('populated 0');
  return new Promise((resolve, reject) => {
    // The kernel reports a change of `populated` as a modification of the file.
    const watcher = watch(events, () => {
      if (isEmpty()) finish();
    });
    const aborted = () => finish(new Error(`gave up waiting for the processes in ${cgroup} to end`));
    const finish = (error?: Error) => {
      watcher.close();
      signal?.removeEventListener('abort', aborted);
      if (error) reject(error);
      else resolve();
    };
    signal?.addEventListener('abort', aborted);
    if (isEmpty()) finish();
  });
}
