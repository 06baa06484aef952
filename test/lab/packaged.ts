import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from './command.ts';
import { archive, importArchive } from './image.ts';
import type { Lab } from './lab.ts';
import { locked } from './lock.ts';
import { contentKey, debian, nodeRoot } from './root.ts';

/** An image of Debian packages, for tests that want a server as people run it. None is there until a test asks for it. */
export interface Packaged {
  /** In the image's name, `podferry.dev/NAME:lab`. */
  name: string;
  packages: readonly string[];
  /** Besides root: name → its number. Each has its own group, and /home/NAME. */
  users?: Readonly<Record<string, number>>;
  /** A shell script, run in the image's root as soon as packages and users are there. */
  prepare?: string;
  /** Files that come to /opt. One in C is compiled, to a shared library. */
  files?: readonly string[];
  command: readonly string[];
}

const recipe = 1;
/** A shell and the few programs that scripts expect; packages are unpacked, and none of their own scripts is run. */
const always = ['base-files', 'busybox-static', 'dash'];
const unwanted = ['doc', 'info', 'locale', 'man', 'lintian', 'bug'];

export const packagedName = ({ name }: Packaged) => `podferry.dev/${name}:lab`;

/** Loads the image into every node that does not have it; built first if the cache has none: half a minute. */
export async function loadPackaged(
  lab: Lab,
  image: Packaged,
  say: (line: string) => void = () => {},
  signal?: AbortSignal,
): Promise<string> {
  const name = packagedName(image);
  const file = await packagedArchive(lab.state.cache, image, say, signal);
  await Promise.all(
    lab.nodeNames.map(async (node) => {
      const listed = await lab.run(node, ['ctr', '-n', 'k8s.io', 'images', 'list', '-q', `name==${name}`]);
      if (listed.trim() === '') await importArchive(lab, node, file, signal);
    }),
  );
  return name;
}

/** The path of a docker archive in the cache. */
export async function packagedArchive(
  cache: string,
  image: Packaged,
  say: (line: string) => void = () => {},
  signal?: AbortSignal,
): Promise<string> {
  const texts = await Promise.all((image.files ?? []).map((file) => readFile(file, 'utf8')));
  const names = (image.files ?? []).map((file) => basename(file));
  const key = contentKey(recipe, debian, always, image.packages, scriptOf(image), names, texts, image.command);
  const file = join(cache, `packaged-${image.name}-${key}.tar`);
  const make = async () => {
    if (existsSync(file)) return file;
    say(`building the image ${image.name} from Debian ${debian.suite} (once; kept in ${cache})`);
    await build(cache, image, file, say, signal);
    return file;
  };
  return existsSync(file) ? file : await locked(join(cache, `.lock-packaged-${image.name}`), make, signal);
}

async function build(
  cache: string,
  image: Packaged,
  file: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const root = `${file}.root`;
  const building = `${file}.building`;
  await rm(building, { recursive: true, force: true });
  try {
    await unpack(image, root, signal);
    const own = join(building, 'own');
    await mkdir(join(own, 'opt'), { recursive: true });
    for (const source of image.files ?? []) await add(cache, source, join(own, 'opt'), say, signal);
    const tar = join(building, 'image.tar');
    await archive([{ name: packagedName(image), layers: [root, own], command: image.command }], tar, signal);
    await rename(tar, file);
  } finally {
    for (const each of [root, building]) await rm(each, { recursive: true, force: true });
  }
}

/** What is done in the root once it has its packages. */
function scriptOf({ users = {}, prepare = '' }: Packaged): string {
  const people = Object.entries({ root: 0, ...users });
  const home = (name: string) => (name === 'root' ? '/root' : `/home/${name}`);
  const etc = {
    passwd: people.map(([name, id]) => `${name}:x:${id}:${id}:${name}:${home(name)}:/bin/sh`),
    group: people.map(([name, id]) => `${name}:x:${id}:`),
    // No password, but not locked either: a server may refuse who is.
    shadow: people.map(([name]) => `${name}:*:20000:0:99999:7:::`),
  };
  return [
    // What a package has of its own stays.
    'for name in $(busybox --list); do [ -e /usr/bin/$name ] || [ -e /usr/sbin/$name ] || busybox ln -s busybox /usr/bin/$name; done',
    'rm -rf /var/run && ln -s /run /var/run',
    ...Object.entries(etc).map(([name, lines]) => `cat >/etc/${name} <<'END'\n${lines.join('\n')}\nEND`),
    ...people
      .filter(([, id]) => id !== 0)
      .map(([name, id]) => `mkdir -p ${home(name)}\nchown ${id}:${id} ${home(name)}`),
    prepare,
    `cd /usr/share && rm -rf ${unwanted.join(' ')}`,
  ].join('\n');
}

async function unpack(image: Packaged, root: string, signal?: AbortSignal): Promise<void> {
  const argv = [
    'mmdebstrap',
    '--quiet',
    '--variant=extract',
    ...debian.options,
    `--include=${[...always, ...image.packages].join(',')}`,
    debian.suite,
    root,
  ];
  await rm(root, { recursive: true, force: true });
  await run(argv, {}, signal);
  const inRoot = 'mount --bind /dev "$1/dev"; exec chroot "$1" sh -euc "$2"';
  await run(['unshare', '--mount', '--ipc', 'sh', '-euc', inRoot, 'prepare', root, scriptOf(image)], {}, signal);
}

async function add(
  cache: string,
  source: string,
  to: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (!source.endsWith('.c')) return await cp(source, join(to, basename(source)));
  const library = `${basename(source, '.c')}.so`;
  // By the nodes' own compiler, through pipes: the root is shared and has to stay as it is.
  const compile = `t=$(mktemp -d /dev/shm/packaged-XXXXXX); cat >$t/in.c
gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC -o $t/out.so $t/in.c >&2; base64 $t/out.so; rm -r $t`;
  const root = await nodeRoot(cache, say, signal);
  const mounted = 'mount --bind /dev "$1/dev"; exec chroot "$1" env TMPDIR=/dev/shm sh -euc "$2"';
  const argv = ['unshare', '--mount', 'sh', '-euc', mounted, 'compile', root, compile];
  const input = await readFile(source, 'utf8');
  await writeFile(join(to, library), Buffer.from(await run(argv, { input }, signal), 'base64'), { mode: 0o755 });
}
