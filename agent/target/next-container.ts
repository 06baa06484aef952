/**
 * A pod's containers after its first. kubelet starts a pod's containers one after the other, and so does the runtime:
 * a shim creates one at a time. So only the first can have a CRIU that waits; the others are started, and restored,
 * when the one before them runs. Until then their roots are mounted here, for what is copied ahead.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { appearedOneOf } from '../journal/appeared.ts';
import { plant, quote, uproot } from '../journal/planted.ts';
import { run } from '../runtime/command.ts';
import type { ContainerRuntime, RootfsMount } from '../runtime/runtime.ts';
import { startApart } from '../runtime/start-apart.ts';
import { AppliedTree } from '../tree/apply.ts';
import { replay } from './spool.ts';
import type { TargetMigration } from './target.ts';

/** From one container's start to the next one's, in kubelet's hands. */
const nextPatienceMs = 30_000;

type Container = TargetMigration['containers'][number];

export async function mountRoot(
  target: TargetMigration,
  { manifest, paths }: Container,
  { lowerDirs, upperDir, workDir }: RootfsMount,
): Promise<void> {
  await mkdir(paths.root);
  plant(target.paths, 'next-root', unmounting(paths.root), `-${manifest.name}`);
  const options = `lowerdir=${lowerDirs.join(':')},upperdir=${upperDir},workdir=${workDir}`;
  await run(['mount', '-t', 'overlay', '-o', options, 'overlay', paths.root], {
    reason: 'TargetPrepareFailed',
    what: `mounting the root of container ${manifest.name}`,
  });
}

/** Lazily: a program that was started ahead for it may be ending still. */
function unmounting(root: string): string {
  return `if mountpoint -q ${quote(root)}; then umount -l ${quote(root)}; fi`;
}

/**
 * Starts a container whose turn it is, and resolves when its wrapper waits, or has failed.
 *
 * @returns the container's file that tells which
 */
export async function startNext(
  parts: { runtime: ContainerRuntime; containerd: string },
  target: TargetMigration,
  container: Container,
  signal: AbortSignal,
): Promise<string> {
  const { manifest, paths } = container;
  const states = [paths.running, paths.failed, paths.waiting] as const;
  const far = states.find((file) => existsSync(file));
  if (far !== undefined) return far;
  if (target.isOfKubelet) return await madeByKubelet(target, container, signal);
  await target.trees.get(`${manifest.name}/rootfs`)?.close();
  // Two mounts of one upper layer would not see what the other does.
  await run(['sh', '-c', unmounting(paths.root)], { reason: 'RestoreFailed', what: `unmounting ${paths.root}` });
  uproot(target.paths, 'next-root', `-${manifest.name}`);
  const start = target.starts.get(manifest.name) ?? begin(parts, target, container);
  target.starts.set(manifest.name, start);
  const ended = start.then((fault) => {
    throw fault ?? new Fault('RestoreFailed', `container ${manifest.name} started without having waited`);
  });
  return await Promise.race([appearedOneOf(states, signal), ended]);
}

/** It comes by itself as soon as the one before it runs. */
async function madeByKubelet(
  { record }: TargetMigration,
  { manifest, paths }: Container,
  signal: AbortSignal,
): Promise<string> {
  const late = AbortSignal.timeout(nextPatienceMs);
  let state: string;
  try {
    state = await appearedOneOf([paths.running, paths.failed, paths.waiting], AbortSignal.any([signal, late]));
  } catch (error) {
    if (!late.aborted) throw error;
    const why = `kubelet has not started container ${manifest.name} within ${nextPatienceMs} ms`;
    throw new Fault('RestoreFailed', `${why}: look at pod ${record.plan.target_pod?.name}`);
  }
  if (state !== paths.waiting) return state;
  const tree = new AppliedTree(join(paths.bundle, 'rootfs'));
  try {
    await replay(paths.spool('rootfs'), tree);
  } finally {
    await tree.close();
  }
  return state;
}

async function begin(
  { runtime, containerd }: { runtime: ContainerRuntime; containerd: string },
  target: TargetMigration,
  { manifest: { name }, paths }: Container,
): Promise<Fault | undefined> {
  const prepared = target.nextStarts.get(name);
  target.nextStarts.delete(name);
  if (prepared !== undefined) return await prepared.begin();
  // Prepared by an earlier life of this agent.
  const { plan, details } = target.record;
  const found = (await runtime.listContainers(details.sandboxId)).find((container) => container.name === name);
  if (found === undefined) return new Fault('RestoreFailed', `container ${name} is gone from its sandbox`);
  return await startApart(containerd, found.id, plan.wait_deadline_ms + 30_000, paths.started);
}
