import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tools } from '../../agent/preflight/situation.ts';
import { attempt, run } from '../lab/command.ts';
import { buildPodferryImage, podferryImage, podferryImageName } from '../lab/podferry.ts';
import { nodeRoot } from '../lab/root.ts';
import { defaultCache } from '../lab/up.ts';

/** Podferry's own image: what anybody gets who runs `docker build`, unpacked. */

const cache = defaultCache();
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const say = (line: string) => console.error(`image: ${line}`);

interface Manifest {
  Config: string;
  RepoTags: string[];
  Layers: string[];
}
interface Config {
  config: Record<string, unknown>;
  rootfs: { diff_ids: string[] };
}

let work: string;
let root: string;
let manifest: Manifest;
let config: Config;

async function describeArchive(file: string): Promise<{ manifest: Manifest; config: Config }> {
  const read = (name: string) => run(['tar', '-xOf', file, name]);
  const [only] = JSON.parse(await read('manifest.json')) as Manifest[];
  if (only === undefined) throw new Error(`${file} has no image`);
  return { manifest: only, config: JSON.parse(await read(only.Config)) as Config };
}

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'podferry-image-'));
  // mkdtemp's own is root's alone, and the coordinator is not root.
  await chmod(work, 0o755);
  root = join(work, 'root');
  await mkdir(root);
  const file = await podferryImage(cache, say);
  ({ manifest, config } = await describeArchive(file));
  for (const layer of manifest.Layers)
    await run(['sh', '-c', 'tar -xOf "$1" "$2" | tar -C "$3" -x', 'sh', file, layer, root]);
});

afterAll(async () => {
  await rm(work, { recursive: true, force: true });
});

/** All that lies in the image. */
async function* files(directory = root): AsyncGenerator<{ path: string; mode: number; size: number; file: boolean }> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const { mode, size } = await lstat(path);
    yield { path: path.slice(root.length), mode, size, file: entry.isFile() };
    if (entry.isDirectory()) yield* files(path);
  }
}

/** As a container would have it: the image's root, its directory and environment, a /proc, nothing of this machine's. */
const inImage = (command: readonly string[], user = 0) =>
  attempt(
    [
      ...['unshare', '--mount', '--pid', '--fork', `--mount-proc=${join(root, 'proc')}`],
      ...['chroot', `--userspec=${user}:${user}`, root, '/usr/bin/env', '--chdir=/opt/podferry', ...command],
    ],
    { env: { PATH: path, NODE_ENV: 'production' } },
  );

test('says what it is and what it runs', () => {
  expect(manifest.RepoTags).toEqual([podferryImageName]);
  expect(config.config).toMatchObject({
    Cmd: ['node', 'coordinator/main.ts', '--help'],
    WorkingDir: '/opt/podferry',
    Env: expect.arrayContaining(['NODE_ENV=production']),
    Labels: expect.objectContaining({ 'org.opencontainers.image.title': 'podferry' }),
  });
  expect(config.config['Entrypoint']).toBeFalsy();
});

test('is smaller than 200 MB (of a million bytes each), unpacked', async () => {
  let bytes = 0;
  for await (const { size, file } of files()) if (file) bytes += size;
  say(`${(bytes / 1e6).toFixed(1)} MB`);
  expect(bytes).toBeLessThan(200e6);
  // What is empty is small, too.
  expect(bytes).toBeGreaterThan(100e6);
});

test('has nothing to build or install with, and nothing that makes somebody root', async () => {
  const unwanted: string[] = [];
  for await (const { path, mode, file } of files()) {
    if (file && (mode & 0o6000) !== 0) unwanted.push(`${path} is setuid or setgid`);
    if (
      /\/(cc|gcc|g\+\+|c99|make|ld|as|npm|npx|corepack|apt|apt-get|dpkg|su|sudo|passwd)$/.test(path) &&
      /bin\//.test(path)
    ) {
      unwanted.push(path);
    }
    if (/^\/(var\/lib\/apt|var\/cache\/apt|usr\/share\/(man|locale|info))\//.test(path)) unwanted.push(path);
  }
  expect(unwanted).toEqual([]);
});

test('/var/run is /run, as CRI names network namespaces', async () => {
  expect(await readlink(join(root, 'var/run'))).toBe('/run');
});

const others = 'unshare setpriv umount sh perl node cat cp mv rm ln mkdir stat env sleep readlink'.split(' ');

test.each([...new Set([...tools, ...others])])('%s starts', async (tool) => {
  // What is asked of sh and perl is theirs alone; ip and ss say -V.
  const ask: Record<string, string[]> = { sh: ['-c', ':'], ip: ['-V'], ss: ['-V'] };
  const { code, stderr } = await inImage([tool, ...(ask[tool] ?? ['--version'])]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('tar is GNU tar', async () => {
  expect((await inImage(['tar', '--version'])).stdout).toContain('GNU tar');
});

test('perl can read the program that thaws', async () => {
  expect(await inImage(['perl', '-c', 'agent/runtime/thaw.pl'])).toMatchObject({ code: 0 });
});

test.each(['agent/main.ts', 'coordinator/main.ts'])('%s starts as user 65532', async (program) => {
  const { code, stdout, stderr } = await inImage(['node', program, '--help'], 65532);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('Usage:');
});

describe('the CRIU for nodes that have none', () => {
  test('works where there is nothing but a shell, wherever it lies', async () => {
    const bare = join(work, 'bare');
    await mkdir(join(bare, 'bin'), { recursive: true });
    await cp(join(await nodeRoot(cache, say), 'usr/bin/busybox'), join(bare, 'bin/sh'));
    await cp(join(root, 'opt/podferry/criu'), join(bare, 'somewhere/else'), {
      recursive: true,
      verbatimSymlinks: true,
    });
    expect(await readdir(bare)).toEqual(['bin', 'somewhere']);
    const { code, stdout, stderr } = await attempt(['chroot', bare, '/somewhere/else/criu', '--version'], {
      env: { PATH: path },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Version: 4\./);
  });

  test('is the one in PATH', async () => {
    const ours = await inImage(['/opt/podferry/criu/criu', '--version']);
    expect((await inImage(['criu', '--version'])).stdout).toBe(ours.stdout);
    expect(await readFile(join(root, 'opt/podferry/criu/criu'), 'utf8')).toContain('--library-path');
  });
});

test('sources that are the same make the same layer', async () => {
  const again = join(work, 'again.tar');
  await buildPodferryImage(cache, again, say, undefined, 'app');
  expect((await describeArchive(again)).config.rootfs.diff_ids).toEqual(config.rootfs.diff_ids);
}, 120_000);
