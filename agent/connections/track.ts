/** What still goes through the source pod's namespace, from the kernel's own table of connections there. */
import { readFileSync } from 'node:fs';
import { canonical } from './ip.ts';
import type { Kept, Move } from './connection.ts';
import type { Redirection } from './redirect.ts';

/** A connection as conntrack has it: from whoever spoke first, before and behind the translation. */
export interface Track {
  state: string;
  from: string;
  fromPort: number;
  to: string;
  toPort: number;
  /** What the answer comes from and goes to. */
  answerFrom: string;
  answerFromPort: number;
  answerTo: string;
  answerToPort: number;
  bytes: number;
  /** Since it was first seen; undefined where the kernel does not tell. */
  seconds: number | undefined;
}

export interface Live {
  kept: Kept[];
  /** Made since the move. */
  forwarded: Kept[];
  bytes: number;
  /** Of the oldest forwarded one; 0: there is none. */
  oldestSeconds: number;
}

/** Closed ones stay in the table for a while. */
const alive = new Set(['SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK']);

/**
 * Of a connection that was half closed when it came into the table: it has seen one end, and waits in vain for the other,
 * for a minute.
 */
const saidAll = new Set(['CLOSE_WAIT', 'LAST_ACK']);

/**
 * @param pid of a process in the namespace
 * @returns undefined where the kernel does not show its table: then nobody knows
 */
export function tracksOf(pid: number): Track[] | undefined {
  try {
    return parseTracks(readFileSync(`/proc/${pid}/net/nf_conntrack`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** @param text of /proc/PID/net/nf_conntrack; only TCP counts */
export function parseTracks(text: string): Track[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\S+\s+\d+\s+tcp\s+6\s+(?:\d+\s+)?([A-Z_]+)\s/.exec(line);
    if (match === null) return [];
    const all = (name: string) =>
      [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'g'))].map(([, value = '']) => value);
    const [sources, destinations, sports, dports] = [all('src'), all('dst'), all('sport'), all('dport')];
    const seconds = all('delta-time')[0];
    return [
      {
        state: match[1] ?? '',
        from: canonical(sources[0] ?? ''),
        fromPort: Number(sports[0]),
        to: canonical(destinations[0] ?? ''),
        toPort: Number(dports[0]),
        answerFrom: canonical(sources[1] ?? ''),
        answerFromPort: Number(sports[1]),
        answerTo: canonical(destinations[1] ?? ''),
        answerToPort: Number(dports[1]),
        bytes: all('bytes').reduce((sum, bytes) => sum + Number(bytes), 0),
        seconds: seconds === undefined ? undefined : Number(seconds),
      },
    ];
  });
}

/**
 * A kept connection of which nobody has heard yet is alive: both its ends may just be silent.
 *
 * @param heard keys of kept connections that have been seen in the table before, changed by this call
 */
export function liveOf(
  tracks: readonly Track[],
  { kept, moves }: Pick<Redirection, 'kept' | 'moves'>,
  heard: Set<string>,
): Live {
  const byEnds = new Map<string, Track>();
  const forwarded: Kept[] = [];
  let bytes = 0;
  let oldestSeconds = 0;
  for (const track of tracks) {
    for (const key of keysOf(track)) byEnds.set(key, track);
  }
  const keptTracks = new Set<Track>();
  const living = kept.filter((each) => {
    const key = keyOf(each.remote.address, each.remote.port, each.local.address, each.local.port);
    const track = byEnds.get(key);
    if (track === undefined) return !heard.has(key);
    heard.add(key);
    keptTracks.add(track);
    bytes += track.bytes;
    return alive.has(track.state) && !(each.halfClosed === true && saidAll.has(track.state));
  });
  for (const track of tracks) {
    const connection = keptTracks.has(track) ? undefined : forwardedOf(track, moves);
    if (connection === undefined) continue;
    bytes += track.bytes;
    if (!alive.has(track.state)) continue;
    forwarded.push(connection);
    oldestSeconds = Math.max(oldestSeconds, track.seconds ?? 0);
  }
  return { kept: living, forwarded, bytes, oldestSeconds };
}

/** Whoever of the two spoke first: seen from the peer, it is the same connection. */
function keysOf({ from, fromPort, to, toPort, answerFrom, answerFromPort, answerTo, answerToPort }: Track): string[] {
  return [keyOf(from, fromPort, to, toPort), keyOf(answerFrom, answerFromPort, answerTo, answerToPort)];
}

function keyOf(peer: string, peerPort: number, own: string, ownPort: number): string {
  return `${peer} ${peerPort} ${own} ${ownPort}`;
}

function forwardedOf(track: Track, moves: readonly Move[]): Kept | undefined {
  const move = moves.find(({ from, to }) => track.to === from && track.answerFrom === to);
  if (move === undefined) return undefined;
  return {
    local: { address: move.from, port: track.toPort },
    remote: { address: track.from, port: track.fromPort },
    port: track.answerToPort,
  };
}
