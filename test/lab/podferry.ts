import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { importArchive } from './image.ts';
import type { Lab } from './lab.ts';
import { repository } from './layout.ts';
import { locked } from './lock.ts';
import { imagePrograms, installPrograms } from './machine.ts';
import { contentKey, debian } from './root.ts';

/**
 * Podferry's own image, as the Dockerfile has it. There is no registry to pull from: the base comes from Debian's
 * packages, as the nodes' root does, and buildah needs neither a daemon nor namespaces of its own.
 */
export const podferryImageName = 'podferry.dev/podferry:lab';
const recipe = 1;
/** What .dockerignore lets through, and itself. */
const context = [
  '.dockerignore',
  '.npmrc',
  'Dockerfile',
  'agent',
  'coordinator',
  'package-lock.json',
  'package.json',
  'proto',
];
/** A proxy of this machine may sign with one of its own. */
const certificates = '/etc/ssl/certs/ca-certificates.crt';
/** Archives of so many states of the sources are kept. */
const kept = 2;

/** The path of a docker archive; built if there is none of these sources: minutes the first time, seconds later. */
export async function podferryImage(cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const file = join(cache, `podferry-image-${contentKey(recipe, debian, await sources())}.tar`);
  if (existsSync(file)) return file;
  await mkdir(cache, { recursive: true });
  const make = async () => {
    if (existsSync(file)) return;
    say("building Podferry's image");
    await buildPodferryImage(cache, file, say, signal);
    await forgetOlder(cache);
  };
  await locked(join(cache, '.lock-podferry-image'), make, signal);
  return file;
}

/** Builds the image if need be, and loads it into every node of a lab. Answers its name. */
export async function loadPodferryImage(lab: Lab, say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const file = await podferryImage(lab.state.cache, say, signal);
  await Promise.all(lab.nodeNames.map((node) => importArchive(lab, node, file, signal)));
  return podferryImageName;
}

/** Builds whatever there is already, into a file that is the caller's; `app` makes the sources' layer anew, too. */
export async function buildPodferryImage(
  cache: string,
  file: string,
  say: (line: string) => void,
  signal?: AbortSignal,
  anew: 'what changed' | 'app' = 'what changed',
): Promise<void> {
  await installPrograms(say, signal, imagePrograms);
  const store = storeIn(cache);
  const base = await baseImage(store, cache, say, signal);
  const argv = ['build', '--quiet', '--isolation=chroot', '--layers', '--timestamp=0', `--build-arg=BASE=${base}`];
  if (existsSync(certificates)) argv.push(`--secret=id=ca,src=${certificates}`);
  if (anew === 'app') argv.push(`--build-arg=AGAIN=${process.pid}-${performance.now()}`);
  const image = (await store([...argv, repository], signal)).trim().split('\n').at(-1) ?? '';
  const building = `${file}.building`;
  await rm(building, { force: true });
  await store(['push', '--quiet', image, `docker-archive:${building}:${podferryImageName}`], signal);
  await rename(building, file);
}

type Store = (argv: readonly string[], signal?: AbortSignal) => Promise<string>;

/** buildah with images and layers in the cache; nothing of the machine's own. */
function storeIn(cache: string): Store {
  const runroot = join('/run/podferry-image', contentKey(cache));
  const options = ['--root', join(cache, 'podferry-image'), '--runroot', runroot, '--storage-driver', 'overlay'];
  return (argv, signal) => run(['buildah', ...options, ...argv], {}, signal);
}

/** Debian with nothing but apt, as its own images are. */
async function baseImage(
  store: Store,
  cache: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const key = contentKey(recipe, debian);
  const name = `localhost/podferry-base:${key}`;
  if ((await store(['images', '--quiet', '--filter', `reference=${name}`], signal)).trim() !== '') return name;
  say(`building its base from Debian ${debian.suite} (once; kept in ${cache})`);
  const root = join(cache, `podferry-base-${key}.tar`);
  const argv = ['mmdebstrap', '--quiet', '--variant=minbase', '--format=tar', ...debian.options, debian.suite, root];
  let container: string | undefined;
  try {
    await run(argv, {}, signal);
    container = (await store(['from', 'scratch'], signal)).trim();
    await store(['add', '--quiet', container, root, '/'], signal);
    await store(['commit', '--quiet', '--timestamp', '0', container, name], signal);
  } finally {
    if (container !== undefined) await store(['rm', container]);
    await rm(root, { force: true });
  }
  return name;
}

/** Every file that can go into the image: name, mode, content. */
async function sources(): Promise<string[]> {
  const found: string[] = [];
  const walk = async (path: string): Promise<void> => {
    const file = join(repository, path);
    const is = await lstat(file);
    if (is.isDirectory()) {
      for (const entry of (await readdir(file)).sort()) await walk(join(path, entry));
      return;
    }
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    found.push(`${path} ${is.mode.toString(8)} ${digest}`);
  };
  for (const path of context) await walk(path);
  return found;
}

async function forgetOlder(cache: string): Promise<void> {
  const archives = (await readdir(cache)).filter((name) => /^podferry-image-[0-9a-f]{16}\.tar$/.test(name));
  const dated = await Promise.all(
    archives.map(async (name) => ({ name, at: (await lstat(join(cache, name))).mtimeMs })),
  );
  for (const { name } of dated.sort((a, b) => b.at - a.at).slice(kept)) await rm(join(cache, name), { force: true });
}
