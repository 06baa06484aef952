import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from './command.ts';
import { pauseImage } from './containerd.ts';
import { archive, type Image } from './image.ts';
import { locked } from './lock.ts';
import { contentKey } from './root.ts';

/** The images that every node has: made from the root's Debian packages and from the programs beside this file. */

const sources = join(import.meta.dirname, 'programs');
const recipe = 1;
/** Whom Redis runs as: not root, as in most images. */
const redisUser = 1000;
const redisCommand = [
  'redis-server',
  '--dir /data',
  '--bind 0.0.0.0',
  '--protected-mode no',
  // Every acknowledged write is in the append-only file; snapshots beside it would only fork at odd moments.
  '--appendonly yes',
  '--appendfsync always',
  '--save ""',
  // DEBUG fills a Redis with as much data as a measurement wants.
  '--enable-debug-command yes',
].flatMap((words) => words.split(' ').map((word) => (word === '""' ? '' : word)));

export async function shippedImages(
  cache: string,
  root: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const programs = (await readdir(sources)).sort();
  const texts = await Promise.all(programs.map((name) => readFile(join(sources, name), 'utf8')));
  const file = join(cache, `images-${contentKey(recipe, basename(root), redisCommand, programs, texts)}.tar`);
  const make = async () => {
    if (existsSync(file)) return file;
    say('building the images');
    // What an `up` that was killed left here.
    for (const entry of await readdir(cache)) {
      if (entry.includes('.building-')) await rm(join(cache, entry), { recursive: true });
    }
    await build(root, file, signal);
    return file;
  };
  return existsSync(file) ? file : await locked(join(cache, '.lock-images'), make, signal);
}

async function build(root: string, file: string, signal?: AbortSignal): Promise<void> {
  const work = await mkdtemp(`${file}.building-`);
  try {
    const images = await roots(work, root, signal);
    const tar = join(work, 'images.tar');
    await archive(images, tar, signal);
    await rename(tar, file);
  } finally {
    await rm(work, { recursive: true });
  }
}

async function roots(work: string, root: string, signal?: AbortSignal): Promise<Image[]> {
  const binaries = join(work, 'binaries');
  await mkdir(binaries);
  await compile(root, binaries, signal);
  const base = join(work, 'base');
  await makeBase(base, root, signal);
  const pause = await ofProgram(work, binaries, 'pause');
  const redis = join(work, 'redis');
  await makeRedis(redis, root, signal);
  const images: Image[] = [
    { name: pauseImage, layers: [pause], command: ['/pause'] },
    {
      name: 'podferry.dev/redis:lab',
      layers: [base, redis],
      command: redisCommand,
      user: `${redisUser}:${redisUser}`,
      workingDirectory: '/data',
    },
  ];
  for (const name of (await readdir(binaries)).filter((name) => name !== 'pause').sort()) {
    const layer = await ofProgram(work, binaries, name);
    images.push({
      name: `podferry.dev/${name}:lab`,
      layers: [base, layer],
      command: [`/${name}`],
      workingDirectory: '/data',
    });
  }
  return images;
}

/** Static programs, by the root's own compiler. */
async function compile(root: string, to: string, signal?: AbortSignal): Promise<void> {
  await run(['unshare', '--mount', 'sh', join(sources, 'build.sh'), sources, to, root], {}, signal);
}

async function ofProgram(work: string, binaries: string, name: string): Promise<string> {
  const layer = join(work, `layer-${name}`);
  await mkdir(join(layer, 'data/directory-from-image'), { recursive: true });
  await cp(join(binaries, name), join(layer, name));
  await writeFile(join(layer, 'data/from-image'), 'from the image\n');
  await writeFile(join(layer, 'data/directory-from-image/old'), 'from the image\n');
  return layer;
}

/** A shell to look around with, and the few files that a program expects of any root. */
async function makeBase(base: string, root: string, signal?: AbortSignal): Promise<void> {
  for (const directory of ['bin', 'etc', 'root', 'tmp', 'var']) await mkdir(join(base, directory), { recursive: true });
  await chmod(join(base, 'tmp'), 0o1777);
  await cp(join(root, 'usr/bin/busybox'), join(base, 'bin/busybox'));
  const applets = (await run([join(base, 'bin/busybox'), '--list'], {}, signal)).trim().split('\n');
  for (const applet of applets.filter((name) => name !== 'busybox')) {
    await symlink('busybox', join(base, 'bin', applet));
  }
  await writeFile(join(base, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nredis:x:1000:1000:redis:/data:/bin/sh\n');
  await writeFile(join(base, 'etc/group'), 'root:x:0:\nredis:x:1000:\n');
}

async function makeRedis(redis: string, root: string, signal?: AbortSignal): Promise<void> {
  const programs = ['/usr/bin/redis-server', '/usr/bin/redis-cli'];
  const listed = await run(['chroot', root, 'ldd', ...programs], {}, signal);
  const libraries = new Set([...listed.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? ''));
  for (const file of [...programs, ...libraries]) {
    await mkdir(dirname(join(redis, file)), { recursive: true });
    // Under the name that the loader looks for, whatever it is a link to.
    await run(['cp', '-L', join(root, await canonical(root, file)), join(redis, file)], {}, signal);
  }
  const data = join(redis, 'data');
  await mkdir(data, { mode: 0o750 });
  await chown(data, redisUser, redisUser);
}

/** Links of the root may be absolute: resolved against the host they would lead out of it. */
async function canonical(root: string, file: string): Promise<string> {
  return (await run(['chroot', root, 'readlink', '-f', file])).trim();
}
