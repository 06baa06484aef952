/**
 * Makes what people install: kubectl plugins that need nothing beside them, on this platform or, with another node,
 * on another one.
 *
 *   node plugins/build.ts [--out DIR] [--url URL [--homepage URL]]
 *   node plugins/build.ts --node-binary FILE --platform darwin --arch arm64
 *   node plugins/build.ts --modules     what `npm pack` packs: scripts for a node that is there
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { version } from '../coordinator/cli/version.ts';
import { bundle, programs, root } from './bundle.ts';
import { makeExecutable, type NodeBinary, ownNode } from './executable.ts';
import { writeCompletion } from './completion.ts';
import { type Archive, manifestOf } from './krew.ts';

const run = promisify(execFile);

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist') },
    modules: { type: 'boolean', default: false },
    'node-binary': { type: 'string' },
    platform: { type: 'string' },
    arch: { type: 'string' },
    /** Where the archives will be, for krew's manifests. */
    url: { type: 'string' },
    homepage: { type: 'string' },
  },
});
const out = resolve(values.out);
const archives = join(out, 'archives');

/** In Go's words, as in the names of everybody's archives. */
const goOs: Record<string, string> = { linux: 'linux', darwin: 'darwin' };
const goArch: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

function nodeMeant(): NodeBinary {
  const { 'node-binary': path, platform, arch } = values;
  if (path === undefined) {
    if (platform !== undefined || arch !== undefined) throw new Error('--platform and --arch are of a --node-binary');
    return ownNode;
  }
  if (platform === undefined || arch === undefined)
    throw new Error(`--node-binary ${path}: what is it for? Say --platform and --arch, like darwin and arm64`);
  return { path: resolve(path), platform, arch };
}

function goNameOf({ platform, arch }: NodeBinary): { os: string; arch: string } {
  const [os, cpu] = [goOs[platform], goArch[arch]];
  if (os === undefined || cpu === undefined)
    throw new Error(
      `${platform} on ${arch}: known are ${Object.keys(goOs).join(', ')} on ${Object.keys(goArch).join(', ')}`,
    );
  return { os, arch: cpu };
}

async function buildModules(): Promise<void> {
  const directory = join(out, 'npm');
  await rm(directory, { recursive: true, force: true });
  for (const program of programs) {
    await bundle(program, 'module', join(directory, `${program}.js`));
    await chmod(join(directory, `${program}.js`), 0o755);
    await writeCompletion(program, directory);
  }
  console.error(`${directory}: ${programs.join(', ')}`);
}

async function buildExecutables(node: NodeBinary): Promise<void> {
  const { os, arch } = goNameOf(node);
  const directory = node === ownNode ? out : join(out, `${os}-${arch}`);
  await mkdir(directory, { recursive: true });
  await mkdir(archives, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), 'podferry-plugins-'));
  try {
    for (const program of programs) {
      const script = join(work, `${program}.cjs`);
      await bundle(program, 'script', script);
      await makeExecutable(script, join(directory, program), node, work);
      const files = [program, ...(await writeCompletion(program, directory))];
      const archive = join(archives, `${program}_${version}_${os}_${arch}.tar.gz`);
      // The same files make the same archive.
      const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=755'];
      await run('tar', [...same, '--use-compress-program=gzip -n', '-cf', archive, '-C', directory, ...files]);
      const { size } = await stat(join(directory, program));
      const packed = (await stat(archive)).size;
      console.error(`${join(directory, program)}: ${megabytes(size)}, as an archive ${megabytes(packed)}`);
    }
  } finally {
    await rm(work, { recursive: true });
  }
}

/** Of all platforms that have been built here. */
async function writeManifests(url: string): Promise<void> {
  const directory = join(out, '.krew');
  await mkdir(directory, { recursive: true });
  for (const program of programs) {
    const of: Archive[] = [];
    for (const file of (await readdir(archives)).sort()) {
      const [, name, made, os, arch] = /^(.+)_(.+)_(\w+)_(\w+)\.tar\.gz$/.exec(file) ?? [];
      if (name !== program || made !== version || os === undefined || arch === undefined) continue;
      const sha256 = createHash('sha256')
        .update(await readFile(join(archives, file)))
        .digest('hex');
      of.push({ os, arch, file, sha256 });
    }
    const manifest = manifestOf(program, version, of, { url, homepage: values.homepage });
    await writeFile(join(directory, `${program.replace('kubectl-', '')}.yaml`), manifest);
  }
  console.error(`${directory}: manifests for krew`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

if (values.modules) await buildModules();
else {
  await buildExecutables(nodeMeant());
  if (values.url !== undefined) await writeManifests(values.url);
}
