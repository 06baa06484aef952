import { createHash } from 'node:crypto';
import { createReadStream, openSync, closeSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { collect, run } from './command.ts';
import type { Lab } from './lab.ts';
import type { NodeName } from './layout.ts';

/** An image before it is one: directories that become layers, and what runs in them. */
export interface Image {
  /** With its tag: `podferry.dev/redis:lab`. */
  name: string;
  /** Root directories, the lowest first. */
  layers: readonly string[];
  command: readonly string[];
  user?: string;
  workingDirectory?: string;
  env?: readonly string[];
}

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Writes images into one docker archive, which containerd imports; a layer of several images is in it once. */
export async function archive(images: readonly Image[], to: string, signal?: AbortSignal): Promise<void> {
  const work = await mkdtemp(`${to}.`);
  try {
    const digests = new Map<string, string>();
    for (const layer of new Set(images.flatMap((image) => image.layers))) {
      digests.set(layer, await packLayer(layer, work, signal));
    }
    const manifest = [];
    for (const image of images) manifest.push(await writeConfig(image, digests, work));
    await writeFile(join(work, 'manifest.json'), JSON.stringify(manifest));
    await run(['tar', '-C', work, '-cf', to, '.'], {}, signal);
  } finally {
    await rm(work, { recursive: true });
  }
}

async function packLayer(directory: string, work: string, signal?: AbortSignal): Promise<string> {
  const tar = join(work, 'layer');
  // The same content has to give the same digest, whenever and wherever it is packed.
  const same = ['--sort=name', '--mtime=@0', '--numeric-owner', '--format=gnu'];
  await run(['tar', '-C', directory, ...same, '-cf', tar, '.'], {}, signal);
  const hash = createHash('sha256');
  createReadStream(tar).pipe(hash);
  await once(hash, 'readable');
  const digest = (hash.read() as Buffer).toString('hex');
  await run(['mv', tar, join(work, `${digest}.tar`)], {}, signal);
  return digest;
}

async function writeConfig(image: Image, digests: ReadonlyMap<string, string>, work: string): Promise<object> {
  const layers = image.layers.map((layer) => digests.get(layer) ?? '');
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Env: [path, ...(image.env ?? [])],
      Cmd: image.command,
      ...(image.user !== undefined && { User: image.user }),
      WorkingDir: image.workingDirectory ?? '/',
    },
    rootfs: { type: 'layers', diff_ids: layers.map((digest) => `sha256:${digest}`) },
  });
  const file = `${createHash('sha256').update(config).digest('hex')}.json`;
  await writeFile(join(work, file), config);
  return { Config: file, RepoTags: [image.name], Layers: layers.map((digest) => `${digest}.tar`) };
}

/** Loads a docker archive into a node's containerd, where CRI looks for images. */
export async function importArchive(lab: Lab, node: NodeName, file: string, signal?: AbortSignal): Promise<void> {
  const archive = openSync(file, 'r');
  try {
    const argv = ['ctr', '-n', 'k8s.io', 'images', 'import', '--snapshotter', 'overlayfs', '-'];
    const child = lab.spawn(node, argv, { stdio: [archive, 'pipe', 'pipe'], ...(signal && { signal }) });
    const { code, stderr } = await collect(child);
    if (code !== 0) throw new Error(`${node} could not import ${file}: ${stderr.trim()}`);
  } finally {
    closeSync(archive);
  }
}

/** Makes an image of a root directory and a command, and loads it into every node. */
export async function addImage(
  lab: Lab,
  name: string,
  directory: string,
  command: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(lab.layout.disk, { recursive: true });
  const directoryOfArchive = await mkdtemp(join(lab.layout.disk, 'image-'));
  try {
    const file = join(directoryOfArchive, 'image.tar');
    await archive([{ name, layers: [directory], command }], file, signal);
    await Promise.all(lab.nodeNames.map((node) => importArchive(lab, node, file, signal)));
  } finally {
    await rm(directoryOfArchive, { recursive: true });
  }
}
