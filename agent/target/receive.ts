/** What arrives from the source, put where the waiting restore will look for it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { checkLabel, type ContainerPaths } from '../paths.ts';
import type { OciSpec } from '../runtime/oci-spec.ts';
import { save } from '../transfer/save.ts';
import type { Arriving, Entry, Sink } from '../transfer/transfer.ts';
import { AppliedTree } from '../tree/apply.ts';
import { Spool } from './spool.ts';
import type { TargetMigration } from './target.ts';

export function sinkOf(target: TargetMigration): Sink {
  const containers = new Map(target.containers.map(({ manifest, paths }) => [manifest.name, paths]));
  return {
    async accept(entry, body) {
      const [name = '', part = ''] = entry.channel.split('/');
      const paths = containers.get(name);
      if (paths === undefined)
        throw new Fault('InvalidArgument', `no container ${JSON.stringify(name)} is expected here`);
      if (part === 'images') return await writeImage(paths, entry, body);
      if (part === 'lazy' && entry.op === 'ranges') return await save(body, paths.lazyRanges);
      if (part === 'lazy') return target.filling?.granted(entry);
      if (part === 'memory') return await writePages(paths, entry, body);
      let tree = target.trees.get(entry.channel);
      if (tree === undefined) {
        tree = isYetToCome(target, name, part)
          ? new Spool(paths.spool(part))
          : new AppliedTree(treeRoot(target, paths, part));
        target.trees.set(entry.channel, tree);
      }
      await tree.accept(entry, body);
    },
    // Written down before the source hears of it: it may commit to this target from then on.
    async settle(sealed) {
      if (!sealed) return;
      target.record.details.sealed = true;
      target.moment('received');
      target.save();
    },
  };
}

/** Only the first container's root is there before the freeze where kubelet makes them; what is the pod's is, too. */
function isYetToCome({ containers, isOfKubelet }: TargetMigration, name: string, tree: string): boolean {
  return isOfKubelet && tree === 'rootfs' && containers[0]?.manifest.name !== name;
}

async function writeImage(paths: ContainerPaths, entry: Entry, body: Arriving): Promise<void> {
  const name = entry.path ?? '';
  if (name.includes('/') || name === 'descriptors.json') throw new Fault('InvalidArgument', `${name} is no CRIU image`);
  // CRIU waits for the inventory, so that one is kept aside until the go.
  await save(body, name === 'inventory.img' ? paths.inventory : join(paths.images, name));
}

/** A piece of what CRIU writes at the source at the same time. */
async function writePages(paths: ContainerPaths, { path = '', meta }: Entry, body: Arriving): Promise<void> {
  const { at } = (meta ?? {}) as { at?: unknown };
  if (!/^pages-\d+\.img$/.test(path) || !Number.isSafeInteger(at) || (at as number) < 0) {
    throw new Fault('InvalidArgument', `${path} from ${JSON.stringify(at)} is no part of CRIU's pages`);
  }
  await save(body, join(paths.images, path), { at: at as number });
}

/** Where a tree of the source's container lies on this node. */
function treeRoot(target: TargetMigration, paths: ContainerPaths, tree: string): string {
  if (tree === 'rootfs') return existsSync(paths.root) ? paths.root : join(paths.bundle, 'rootfs');
  if (tree === 'shm') return sharedMemory(target);
  if (tree.startsWith('external')) return join(paths.directory, tree);
  const manifest = target.containers.find((each) => each.paths.directory === paths.directory)?.manifest;
  const volume = manifest?.trees.find(({ name }) => name === tree)?.volume;
  if (volume !== undefined) return emptyDir(target, checkLabel('volume', volume));
  throw new Fault('InvalidArgument', `${JSON.stringify(tree)} is no tree of a container`);
}

/** Kubelet has made it before it starts the first container, in the directory that it has for the pod. */
function emptyDir({ containers }: TargetMigration, volume: string): string {
  const bundle = containers[0]?.paths.bundle ?? '';
  const spec = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as OciSpec;
  const hosts = spec.mounts?.find(({ destination }) => destination === '/etc/hosts')?.source;
  if (hosts !== undefined) return join(dirname(hosts), 'volumes/kubernetes.io~empty-dir', volume);
  throw new Fault('CopyFailed', `kubelet has no directory for volume ${volume} here`);
}

/** The sandbox's /dev/shm, which all its containers have bind-mounted; the first is there to be asked. */
function sharedMemory({ containers }: TargetMigration): string {
  const spec = JSON.parse(readFileSync(join(containers[0]?.paths.bundle ?? '', 'config.json'), 'utf8')) as OciSpec;
  const source = spec.mounts?.find(({ destination }) => destination === '/dev/shm')?.source;
  if (source === undefined) throw new Fault('CopyFailed', 'the target container has no /dev/shm, the source has one');
  return source;
}
