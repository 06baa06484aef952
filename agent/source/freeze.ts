/**
 * The time in which the pod stands still, as far as the source is concerned: clients held, cgroup frozen, CRIU let go, the last changes of files sent while it dumps, its images sent when they are complete. Ends when the target
 * holds everything, verified. Nothing is started in here that could have waited before.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { halfOf } from '../../proto/half.ts';
import type { Phase } from '../../proto/phases.ts';
import type { Connection, Endpoint } from '../connections/connection.ts';
import { type Redirected, unmoved } from '../connections/redirect.ts';
import { moveAddresses } from '../images/addresses.ts';
import { mendImages } from '../images/mend.ts';
import { calmRcu, expediteRcu } from '../runtime/expedited-rcu.ts';
import { startWatchdog, stopWatchdog } from './arm.ts';
import { lostByRestart } from './copy-ahead.ts';
import { flushShared } from './flush.ts';
import { thaw } from './roll-back.ts';
import { sendRanges } from './post-copy.ts';
import { sendPages } from './send-pages.ts';
import { isLazy, type SourceLive, type SourceMigration } from './source.ts';

export async function freezeAndSend(
  source: SourceMigration,
  enterPhase: (phase: Phase, bytesTotal?: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const { live, record } = source;
  if (live?.armed === undefined) throw lostByRestart(source);
  const { armed } = live;
  signal = AbortSignal.any([signal, live.outbox.lost]);
  const isCopy = halfOf(record.plan) === 'checkpoint';

  enterPhase('Freezing');
  startWatchdog(source);
  expediteRcu(source.paths);
  source.moment('freezing');
  await armed.redirect.holdNew(signal);
  source.moment('holding');
  await armed.redirect.holdAll();
  signal.throwIfAborted();
  source.enter('Frozen');
  // All containers of a pod before the first is dumped: none may see another one stand still.
  await Promise.all(live.pod.containers.map(async ({ freezer }) => await freezer.freeze(5_000)));
  source.moment('frozen');

  enterPhase('Dumping');
  const files = sendFiles(live, signal);
  files.catch(() => {});
  const flushed = flushShared(live.pod, signal);
  flushed.catch(() => {});
  const kept = armed.redirect.keep();
  kept.catch(() => {});
  const dumps = armed.dumps.map(async (dump) => await dump.dump(signal));
  const pages = isCopy ? Promise.resolve([]) : sendMemory(source, live, dumps);
  pages.catch(() => {});
  await Promise.all(dumps);
  source.moment('dumped');

  record.details.dumpedBytes = imageBytes(source, live);
  enterPhase('Transferring', record.details.dumpedBytes);
  await Promise.all([files, flushed]);
  await sendLinked(source, live);
  source.moment('files-sent');
  if (isCopy) return await thawAndSend(source, live, signal);
  const sent = await pages;
  source.moment('memory-sent');
  await sendImages(source, live, await kept, sent);
  if (isLazy(record.plan)) await sendRanges(source, live);
  source.moment('images-sent');
  // CRIU puts its tasks back into the freezer when it leaves; before that a commit would promise too much.
  const gone = Promise.all([armed.redirect.forward(), ...armed.dumps.map(async (dump) => await dump.gone)]);
  [record.details.receipt] = await Promise.all([live.outbox.seal(signal), gone]);
  checkFrozen(live);
  source.moment('sent');
  source.enter('Sent');
}

/** The last round of every tree but for what a dump itself adds: see WaitingDump.holdsOn(). */
async function sendFiles(live: SourceLive, signal: AbortSignal): Promise<void> {
  for (const tree of live.trees) await tree.round(live.outbox, signal);
}

function imageBytes(source: SourceMigration, live: SourceLive): number {
  const directories = live.pod.containers.map(({ name }) => source.paths.container(name).images);
  const files = directories.flatMap((images) => readdirSync(images).map((file) => join(images, file)));
  return files.reduce((sum, file) => sum + statSync(file).size, 0);
}

/**
 * Nobody has to have the images of a checkpoint before its pod runs on: they are a copy, in the staging. All else that
 * they go with has been read by now.
 */
async function thawAndSend(source: SourceMigration, live: SourceLive, signal: AbortSignal): Promise<void> {
  await Promise.all((live.armed?.dumps ?? []).map(async (dump) => await dump.gone));
  checkFrozen(live);
  await thaw(source);
  source.moment('thawed');
  stopWatchdog(source);
  calmRcu(source.paths);
  await sendImages(source, live, unmoved, []);
  source.moment('images-sent');
  source.record.details.receipt = await live.outbox.seal(signal);
  source.moment('sent');
  source.enter('Sent');
}

/** Else it has changed what was read of it. */
function checkFrozen({ pod }: SourceLive): void {
  if (pod.containers.every(({ freezer }) => freezer.isFrozen())) return;
  throw new Fault('DumpFailed', 'the pod did not stay frozen after the dump: is something else thawing its cgroup?');
}

/** What a dump has linked into the container's root, so that it can be found there again. */
async function sendLinked(source: SourceMigration, live: SourceLive): Promise<void> {
  for (const [at, { name }] of live.pod.containers.entries()) {
    const dump = live.armed?.dumps[at];
    if (dump?.holdsOn() !== true) continue;
    for (const tree of live.trees) {
      if (tree.source.channel.startsWith(`${name}/`)) await tree.round(live.outbox, source.abort.signal);
    }
    dump.letGo();
  }
}

/** @returns what of it has left, for each container */
async function sendMemory(
  { paths }: SourceMigration,
  { pod, outbox }: SourceLive,
  dumps: readonly Promise<void>[],
): Promise<Set<string>[]> {
  const each = pod.containers.map(async ({ name }, at) => {
    return await sendPages(outbox, name, paths.container(name).images, dumps[at] ?? Promise.resolve());
  });
  return await Promise.all(each);
}

async function sendImages(
  source: SourceMigration,
  live: SourceLive,
  redirected: Redirected,
  sent: readonly ReadonlySet<string>[],
): Promise<void> {
  const own = new Map(redirected.moves.map(({ from, to }) => [from, to]));
  const peerOf = peersBy(redirected);
  for (const [at, { name }] of live.pod.containers.entries()) {
    const { images } = source.paths.container(name);
    mendImages(images, (files) => moveAddresses(files, own, peerOf));
    for (const file of readdirSync(images).filter((each) => sent[at]?.has(each) !== true)) {
      const path = join(images, file);
      const { size } = statSync(path);
      await live.outbox.put({ channel: `${name}/images`, op: 'image', path: file, size }, { path });
    }
  }
}

/** By way of the pod's own former address, where what stays there translates. */
function peersBy({ keeps, kept }: Redirected): (connection: Connection) => Endpoint {
  const keyOf = ({ local, remote }: Connection) => `${local.address} ${local.port} ${remote.address} ${remote.port}`;
  const ports = new Map(kept.map((each) => [keyOf(each), each.port]));
  return (connection) => {
    const { local, remote } = connection;
    // It ends with the move, and nobody will send anything there.
    if (!keeps) return remote;
    const port = ports.get(keyOf(connection));
    if (port !== undefined) return { address: local.address, port };
    const ends = `${local.address}:${local.port} and ${remote.address}:${remote.port}`;
    throw new Fault(
      'DumpFailed',
      `CRIU has written down a connection that the pod did not have when it froze: ${ends}`,
    );
  };
}
