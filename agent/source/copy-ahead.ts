/** Files go over while the pod runs, in rounds that get smaller, so that little is left for the freeze. */
import { resolve } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { externalMounts, isMasked, type SourceContainer, type SourcePod } from '../preflight/describe.ts';
import { emptyDirs } from '../preflight/volumes.ts';
import { CarriedTree, type TreeSource } from '../tree/carry.ts';
import { mappedForWriting } from '../tree/mapped.ts';
import type { SourceLive, SourceMigration } from './source.ts';

/** The first carries everything, the second what changed meanwhile; a third only pays when that was much. */
const rounds = 3;
const enough = 16;

/** The trees of a pod that no CRIU image and no container image holds. */
export function treesOf(pod: SourcePod): CarriedTree[] {
  const own = pod.containers.flatMap((container) => treeSources(container));
  return [...own, ...volumeSources(pod)].map((source) => new CarriedTree(source));
}

/** A volume that several containers share goes with the first of them. */
function volumeSources({ containers, status }: SourcePod): TreeSource[] {
  const sources = new Map<string, TreeSource>();
  for (const container of containers) {
    for (const { name, tree, directory } of emptyDirs(container.status.config, status.uid)) {
      if (!sources.has(name)) sources.set(name, { channel: `${container.name}/${tree}`, root: directory });
    }
  }
  return [...sources.values()];
}

function treeSources({ name, pid, freezer, rootfs, mounts }: SourceContainer): TreeSource[] {
  const merged = `/proc/${pid}/root`;
  const trees: TreeSource[] = [
    {
      channel: `${name}/rootfs`,
      root: rootfs.upperDir,
      overlay: { lowers: rootfs.lowerDirs, merged },
      mapped: () => mappedForWriting(freezer.pids()),
    },
  ];
  for (const { mountPoint } of externalMounts(mounts)) {
    if (isMasked(mountPoint)) continue;
    trees.push({
      channel: `${name}/external${mountPoint.replaceAll('/', '-')}`,
      root: resolve(merged, `.${mountPoint}`),
    });
  }
  if (mounts.some(({ mountPoint, type }) => mountPoint === '/dev/shm' && type === 'tmpfs')) {
    trees.push({ channel: `${name}/shm`, root: `${merged}/dev/shm` });
  }
  return trees;
}

const tellEveryMs = 200;

/**
 * @param progress called with bytes handed over so far, and with those that there were to do at the beginning: about as
 * many, because a hole is not sent and what changes meanwhile goes again
 */
export async function copyAhead(
  source: SourceMigration,
  progress: (bytes: number, total: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const { live } = source;
  if (live === undefined) throw lostByRestart(source);
  const sizes = await Promise.all(live.trees.map(async (tree) => await tree.bytes()));
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const tell = () => progress(live.outbox.bytes, total);
  const telling = setInterval(tell, tellEveryMs);
  try {
    await inRounds(live, tell, signal);
  } finally {
    clearInterval(telling);
  }
}

async function inRounds(live: SourceLive, tell: () => void, signal: AbortSignal): Promise<void> {
  for (let round = 1; round <= rounds; round += 1) {
    let carried = 0;
    for (const tree of live.trees) {
      carried += await tree.round(live.outbox, signal);
      tell();
    }
    await live.outbox.barrier(`copy-ahead-${round}`, signal);
    tell();
    if (round > 1 && carried < enough) break;
  }
}

/** Of a step that needs what an earlier process of this agent had. */
export function lostByRestart(source: SourceMigration): Fault {
  return new Fault(
    'AgentUnreachable',
    `the source's agent was restarted during ${source.record.plan.id}: roll it back and start again`,
  );
}
