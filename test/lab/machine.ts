import { accessSync, constants } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, CommandFailed, run } from './command.ts';
import { locked } from './lock.ts';

/** What the machine under the lab must have: programs, and limits that are the whole machine's. */

/** Program → the Debian package that brings it. */
const programs = {
  mmdebstrap: 'mmdebstrap',
  ip: 'iproute2',
  openssl: 'openssl',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  flock: 'util-linux',
  tar: 'tar',
};
// mmdebstrap only recommends the keys it checks forky with.
const besides: Record<string, readonly string[]> = { mmdebstrap: ['debian-archive-keyring'] };

/** Only for who builds Podferry's own image. */
export const imagePrograms = { buildah: 'buildah', mmdebstrap: 'mmdebstrap', flock: 'util-linux' };

/** Only for who unpacks packages of Debian's. */
export const rootPrograms = { mmdebstrap: 'mmdebstrap' };

const installing = '/run/podferry-installs.lock';

export async function installPrograms(
  say: (line: string) => void,
  signal?: AbortSignal,
  needed: Readonly<Record<string, string>> = programs,
): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('the lab makes namespaces, mounts and cgroups: run it as root');
  if (Object.keys(needed).every(onPath)) return;
  // Two that come at once would find apt's own lock, which nobody waits at.
  await locked(installing, async () => {
    await installMissing(say, signal, needed);
    await rm(installing, { force: true });
  });
}

async function installMissing(
  say: (line: string) => void,
  signal: AbortSignal | undefined,
  needed: Readonly<Record<string, string>>,
): Promise<void> {
  const missing = Object.entries(needed).filter(([program]) => !onPath(program));
  if (missing.length === 0) return;
  const wanted = [...new Set(missing.flatMap(([, name]) => [name, ...(besides[name] ?? [])]))];
  say(`installing ${wanted.join(', ')}`);
  const argv = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...wanted];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  if ((await attempt(argv, { env }, signal)).code === 0) return;
  // On a fresh machine the package lists may be missing or older than the mirror.
  await run(['apt-get', 'update', '-q'], { env }, signal);
  const second = await attempt(argv, { env }, signal);
  if (second.code !== 0) throw new CommandFailed(argv, second);
}

function onPath(program: string): boolean {
  return `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':').some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return directory !== '';
    } catch {
      return false;
    }
  });
}

const limits: Record<string, string | undefined> = {
  // CRIU's lazy server fills large pipes, which only CAP_SYS_RESOURCE may exceed the limits for.
  'fs.pipe-max-size': '67108864',
  'fs.pipe-user-pages-soft': '0',
  // The lab leaves these alone, but a kubelet sets them, and they are the whole machine's.
  'vm.overcommit_memory': undefined,
  'vm.panic_on_oom': undefined,
  'kernel.panic': undefined,
  'kernel.panic_on_oops': undefined,
  'kernel.keys.root_maxkeys': undefined,
  'kernel.keys.root_maxbytes': undefined,
};

const limitFile = (name: string) => `/proc/sys/${name.replaceAll('.', '/')}`;

/** Raises the limits and answers what they were. */
export async function raiseLimits(): Promise<Record<string, string>> {
  const former: Record<string, string> = {};
  for (const [name, value] of Object.entries(limits)) {
    former[name] = (await readFile(limitFile(name), 'utf8')).trim();
    if (value !== undefined) await writeFile(limitFile(name), value);
  }
  return former;
}

export async function restoreLimits(former: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(former)) await writeFile(limitFile(name), value);
}
