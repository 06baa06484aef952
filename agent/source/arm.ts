/**
 * Everything that a freeze needs and that can be started before it: a CRIU that waits in each container, nft that waits
 * for its rules, tar processes, and the watchdog that ends the freeze if this agent cannot.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { prepareHandOver } from '../connections/hand-over.ts';
import { movesOf } from '../connections/moves.ts';
import { nowhere, prepareRedirect } from '../connections/redirect.ts';
import { halfOf } from '../../proto/half.ts';
import { mountTmpfs } from '../journal/mount.ts';
import type { SidePaths } from '../paths.ts';
import { outliving } from '../runtime/node.ts';
import type { Mount } from '../runtime/process.ts';
import {
  cgroupMounts,
  externalMounts,
  isMaskedFile,
  type SourceContainer,
  type SourcePod,
} from '../preflight/describe.ts';
import { externalName, stagingBytes } from '../target/prepare.ts';
import { lostByRestart } from './copy-ahead.ts';
import { type HowToDump, prepareDump, type WaitingDump } from './dump.ts';
import { flushShared } from './flush.ts';
import { isLazy, keepsConnections, type SourceMigration } from './source.ts';

const watchdog = join(import.meta.dirname, 'watchdog.sh');

export interface Arming {
  targetIps: readonly string[];
  /** Empty where the address does not stay. */
  targetMac: string;
  /** Packets can be held meanwhile. */
  plugged: boolean;
  /** CRIU says all that it does. */
  verbose: boolean;
}

export async function arm(
  source: SourceMigration,
  { targetIps, targetMac, plugged, verbose }: Arming,
  signal: AbortSignal,
): Promise<void> {
  const { live, paths, record } = source;
  if (live === undefined) throw lostByRestart(source);
  const { pod, trees } = live;
  const { netns, addresses } = networkOf(pod);
  const moves = halfOf(record.plan) === 'checkpoint' ? [] : movesOf(addresses, targetIps);
  const pid = pod.containers[0]?.pid ?? 0;
  // As the target's CRIU was told, which waits already.
  const keeps = keepsConnections(record.plan);
  const dumps = await startDumps(source, { keeps, lazy: isLazy(record.plan), verbose });
  live.armed = { dumps, redirect: nowhere };
  if (moves.length > 0) {
    const plan = { netns, pid, moves, keeps, plugged, deadlineMs: record.plan.wait_deadline_ms };
    live.armed.redirect =
      record.plan.network === 'keep_address'
        ? await prepareHandOver(paths, plan, targetMac)
        : await prepareRedirect(paths, plan);
  }
  await Promise.all(dumps.map(async (dump) => await dump.waits(signal)));
  await Promise.all(trees.map(async (tree) => await tree.getReady()));
  // So that little is left to write when the pod stands still.
  await flushShared(pod, signal);
  source.enter('Armed');
}

/** A CRIU for each container, and the room for what it will write. */
export async function startDumps(source: SourceMigration, how: HowToDump): Promise<WaitingDump[]> {
  const { live, paths } = source;
  if (live === undefined) throw lostByRestart(source);
  const { netns } = networkOf(live.pod);
  await mountTmpfs(paths, paths.staging, {
    what: 'staging',
    bytes: stagingBytes(live.pod.memoryBytes),
    mode: '0700',
    reason: 'StagingSpaceMissing',
  });
  return live.pod.containers.map((container) => startDump(paths, container, netns, how));
}

function networkOf({ status }: SourcePod): { netns: string; addresses: string[] } {
  const { namespace, name, netnsPath: netns, ip, additionalIps } = status;
  if (netns !== undefined && ip !== undefined) return { netns, addresses: [ip, ...additionalIps] };
  throw new Fault('FreezeFailed', `pod ${namespace}/${name} has no network namespace of its own any more`);
}

function startDump(paths: SidePaths, container: SourceContainer, netns: string, how: HowToDump): WaitingDump {
  const { name, pid, freezer } = container;
  const rootfs = rootfsOf(container);
  const plan = { container: name, pid, netns, rootfs, freezer, externals: externals(container), ...how };
  return prepareDump(paths, paths.container(name), plan);
}

/** Started right before the freeze: it bounds how long the pod may stand still, not how long the migration takes. */
export function startWatchdog(source: SourceMigration): void {
  const { paths, record } = source;
  const seconds = record.plan.freeze_deadline_ms / 1000;
  const [program, ...rest] = outliving(['/bin/sh', watchdog, paths.directory, String(seconds)]);
  const child = spawn(program, rest, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
  record.details.watchdog = child.pid ?? 0;
}

/** Ends the watchdog, whichever life of this agent has started it. */
export function stopWatchdog({ paths, record }: SourceMigration): void {
  const pid = record.details.watchdog;
  try {
    const itsOwn = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(paths.directory);
    if (pid > 0 && itsOwn) process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended.
  }
}

/** Where the runtime has mounted the container's root on the node. */
function rootfsOf({ status }: SourceContainer): string {
  return `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${status.id}/rootfs`;
}

/**
 * Every mount of the container that CRIU is not to dump: binds, which the target's runtime makes again under the
 * names that runc gives them, and those that we provide.
 */
function externals({ mounts, status }: SourceContainer): string[] {
  const options = new Map((status.spec.mounts ?? []).map((mount) => [mount.destination, mount.options ?? []]));
  const isBind = ({ mountPoint }: Mount) => options.get(mountPoint)?.some((option) => /^r?bind$/.test(option)) === true;
  const ours = [...externalMounts(mounts), ...cgroupMounts(mounts)];
  return [
    ...mounts.filter((mount) => isBind(mount)).map(({ mountPoint }) => `mnt[${mountPoint}]:${mountPoint}`),
    ...mounts.filter((mount) => isMaskedFile(mount)).map(({ mountPoint }) => `mnt[${mountPoint}]:/dev/null`),
    ...ours.map(({ mountPoint }) => `mnt[${mountPoint}]:${externalName(mountPoint)}`),
  ];
}
