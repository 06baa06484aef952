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
export function keep(connections: readonly Connection[], moves: readonly Move[]): Kept[] {
  const own = new Set(moves.map(({ from }) => from));
  const outward = connections.filter(({ local, remote }) => own.has(local.address) && !own.has(remote.address));
  const taken = new Set<string>();
  // A peer keeps its port where that is free: easier to read for whoever looks at the connection from within the pod.
  const sorted = [...outward].sort(
    (a, b) => Number(b.remote.port >= lowestKeptPort) - Number(a.remote.port >= lowestKeptPort),
  );
  return sorted.map((connection) => {
    const { local, remote } = connection;
    const key = (port: number) => `${local.address} ${local.port} ${port}`;
    let port = remote.port < lowestKeptPort ? lowestKeptPort : remote.port;
    for (let tried = 0; taken.has(key(port)); tried += 1) {
      if (tried > highestPort - lowestKeptPort) throw new Error(`port ${local.port} has too many connections to keep`);
      port = port === highestPort ? lowestKeptPort : port + 1;
    }
    taken.add(key(port));
    return { ...connection, port };
  });
}

export function familyOf(address: string): Move['family'] {
  return isIPv4(address) ? 'ip' : 'ip6';
}
