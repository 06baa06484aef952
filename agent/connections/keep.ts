/**
 * Which connections a pod takes along, and by which port of its former address each of their peers is known to it from
 * then on. Pure.
 */
import { isIPv4 } from 'node:net';
import type { Connection, Kept, Move } from './connection.ts';

/** New connections are forwarded from ports below, see rules.ts: so the two never meet. */
export const lowestKeptPort = 30_000;
const highestPort = 65_535;

/**
 * @param connections of all containers
 * @param moves the pod's own addresses
 * @returns those with a peer elsewhere; connections within the pod are nobody else's business
 * @throws Error when a port of the pod has more peers than there are ports
 */
export function keep(connections: readonly Omit<Kept, 'port'>[], moves: readonly Move[]): Kept[] {
  const own = new Set(moves.map(({ from }) => from));
  const outward = connections.filter(({ local, remote }) => own.has(local.address) && !own.has(remote.address));
  const byOwnPort = Map.groupBy(outward, ({ local }) => `${local.address} ${local.port}`);
  return [...byOwnPort.values()].flatMap((peers) => withPorts(peers));
}

/** Of one port of the pod. A peer keeps its own where that is free: easier to read for whoever looks from within the pod. */
function withPorts(peers: readonly Omit<Kept, 'port'>[]): Kept[] {
  const taken = new Set<number>();
  const fits = ({ remote: { port } }: Connection) => {
    if (port < lowestKeptPort || taken.has(port)) return false;
    taken.add(port);
    return true;
  };
  const { same = [], other = [] } = Object.groupBy(peers, (peer) => (fits(peer) ? 'same' : 'other'));
  let next = lowestKeptPort;
  const free = ({ local }: Connection) => {
    while (taken.has(next)) next += 1;
    if (next > highestPort) throw new Error(`port ${local.port} has more connections than can be kept`);
    taken.add(next);
    return next;
  };
  return [
    ...same.map((peer) => ({ ...peer, port: peer.remote.port })),
    ...other.map((peer) => ({ ...peer, port: free(peer) })),
  ];
}

export function familyOf(address: string): Move['family'] {
  return isIPv4(address) ? 'ip' : 'ip6';
}
