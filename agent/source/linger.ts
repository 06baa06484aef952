/**
 * After the cut-over the source's sandbox stays for those who still come by way of it: new connections to the old
 * address for a while, and open ones until they are closed, or for as long as they may.
 */
import { readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { endConnections } from '../connections/end.ts';
import { readRedirection, type Redirection } from '../connections/redirect.ts';
import { isFinishing, socketsOf } from '../connections/sockets.ts';
import { type Live, liveOf, tracksOf } from '../connections/track.ts';
import { Fault } from '../../proto/fault.ts';
import type { Connections } from '../../proto/gen/podferry/v1/Connections.ts';
import { longestLingerMs } from '../../proto/linger.ts';
import { now } from '../journal/record.ts';
import type { SourceMigration } from './source.ts';

/** Milliseconds. Most are closed soon; a table of many connections is long. */
const lookEvery = { first: 250, later: 1_000, laterMs: 10_000 };

/**
 * Waits until nobody needs the source any more. May be repeated: the time counts from when traffic was passed on.
 *
 * @param pid of a process in the pod's network namespace
 * @param tell called with what it waits for, when that has changed
 */
export async function linger(
  source: SourceMigration,
  pid: number,
  tell: (connections: Connections) => void,
  signal: AbortSignal,
): Promise<void> {
  const { paths, record } = source;
  if (record.step !== 'Committed' && record.step !== 'Released') {
    throw new Fault('ReleaseFailed', `the source is ${record.step}, not Committed: nothing has gone by way of it yet`);
  }
  const redirection = readRedirection(paths);
  if (redirection === undefined) return;
  const began = source.passedAt ?? now();
  if (redirection.handOver !== undefined) return await finishHere(source, redirection, pid, began, signal);
  const leastMs = record.plan.linger_ms;
  const mostMs = longestLingerMs(record.plan);
  const namespace = namespaceOf(pid);
  const heard = new Set<string>();
  let told = '';
  for (;;) {
    // Somebody has taken the sandbox away, and with it all that led through it.
    if (namespace === undefined || namespaceOf(pid) !== namespace) return;
    const tracks = tracksOf(pid);
    const live: Live | undefined = tracks && liveOf(tracks, redirection, heard);
    // A kernel that does not show its connections: all may be alive.
    source.connections = live === undefined ? assumed(redirection.kept.length, began) : counted(live, began);
    const text = JSON.stringify(source.connections);
    if (text !== told) tell(source.connections);
    told = text;
    const passedMs = now() - began;
    const idle = live !== undefined && live.kept.length + live.forwarded.length === 0;
    if (passedMs >= mostMs || (passedMs >= leastMs && idle)) {
      await closeRest(source, pid, signal);
      return;
    }
    await delay(passedMs < lookEvery.laterMs ? lookEvery.first : lookEvery.later, undefined, { signal });
  }
}

/** The target has the address by now, so nobody comes by way of here but those whose last word this kernel has. */
async function finishHere(
  { record, lostAreTold }: SourceMigration,
  { finishing = [] }: Redirection,
  pid: number,
  began: number,
  signal: AbortSignal,
): Promise<void> {
  await lostAreTold;
  const known = new Set(finishing.map((each) => JSON.stringify(each)));
  const isThere = () =>
    socketsOf(pid).some((socket) => {
      const { local, remote } = socket;
      return isFinishing(socket) && known.has(JSON.stringify({ local, remote }));
    });
  while (known.size > 0 && now() - began < record.plan.linger_ms && isThere())
    await delay(lookEvery.first, undefined, { signal });
}

/** Whoever still has a connection is told that it is over. May be repeated. */
export async function closeRest(source: SourceMigration, pid: number, signal: AbortSignal): Promise<void> {
  const redirection = readRedirection(source.paths);
  if (redirection === undefined || redirection.handOver !== undefined || source.connectionsEnded) return;
  const look = () => {
    const { kept, forwarded } = liveOf(tracksOf(pid) ?? [], redirection, new Set());
    return [...kept, ...forwarded];
  };
  await endConnections(redirection, look, signal);
  source.connectionsEnded = true;
  source.connections = undefined;
}

/** Undefined: the process has ended. */
function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

function counted({ kept, forwarded, bytes, oldestSeconds }: Live, began: number): Connections {
  const oldest = kept.length > 0 ? began : oldestSeconds > 0 ? Math.round(now() - oldestSeconds * 1_000) : 0;
  return { kept: kept.length, forwarded: forwarded.length, bytes: String(bytes), oldest_unix_ms: oldest };
}

function assumed(kept: number, began: number): Connections {
  return { kept, forwarded: 0, bytes: '0', oldest_unix_ms: began };
}
