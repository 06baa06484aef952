/** The addresses that a pod's sockets have, and how they get new ones before they are restored elsewhere. Pure. */
import type { file_entry as FileEntry } from '../../proto/gen/criu/fdinfo_pb.ts';
import type { inet_sk_entry as InetSocket } from '../../proto/gen/criu/sk-inet_pb.ts';
import type { Connection, Endpoint } from '../connections/connection.ts';
import { canonical, isLoopback, textOf, wordsFrom } from '../connections/ip.ts';

const tcp = 6;
/** The kernel's numbers of TCP's states without a peer: CLOSE and LISTEN. */
const withoutPeer: readonly number[] = [7, 10];

/** Every TCP socket that has a peer, whatever becomes of it at a restore; those over loopback too. */
export function connectionsOf(files: readonly FileEntry[]): Connection[] {
  return files.flatMap(({ isk: socket }) => connectionOf(socket) ?? []);
}

/**
 * Writes new addresses into sockets. Those bound to any address or to loopback stay as they are, and so do connections
 * over loopback.
 *
 * @param own from each of the pod's former addresses to its new one: of what is bound to it, TCP or not, and of peers
 *   that are the pod itself
 * @param peerOf the new remote end of a connection whose remote is neither loopback nor the pod; asked with what it was
 * @returns whether anything changed
 * @throws Fault Internal when a new address is of another IP version than the socket
 */
export function moveAddresses(
  files: readonly FileEntry[],
  own: ReadonlyMap<string, string>,
  peerOf: (connection: Connection) => Endpoint,
): boolean {
  const moved = new Map([...own].map(([from, to]) => [canonical(from), to]));
  const changes = files.flatMap(({ isk: socket }) => (socket === undefined ? [] : [moveSocket(socket, moved, peerOf)]));
  return changes.includes(true);
}

function moveSocket(
  socket: InetSocket,
  own: ReadonlyMap<string, string>,
  peerOf: (connection: Connection) => Endpoint,
): boolean {
  const connection = connectionOf(socket);
  const [local, remote] = [ownAddress(socket, socket.srcAddr, own), ownAddress(socket, socket.dstAddr, own)];
  const isElsewhere = connection !== undefined && remote === undefined && !isLoopback(connection.remote.address);
  const peer = isElsewhere ? peerOf(connection) : { address: remote, port: socket.dstPort };
  const srcAddr = changed(socket, socket.srcAddr, local);
  const dstAddr = changed(socket, socket.dstAddr, peer.address);
  if (srcAddr === undefined && dstAddr === undefined && peer.port === socket.dstPort) return false;
  if (srcAddr !== undefined) socket.srcAddr = srcAddr;
  if (dstAddr !== undefined) socket.dstAddr = dstAddr;
  socket.dstPort = peer.port;
  return true;
}

function connectionOf(socket: InetSocket | undefined): Connection | undefined {
  if (socket?.proto !== tcp || withoutPeer.includes(socket.state)) return undefined;
  const { family, srcAddr, srcPort, dstAddr, dstPort } = socket;
  const [local, remote] = [textOf(family, srcAddr), textOf(family, dstAddr)];
  if (local === undefined || remote === undefined) return undefined;
  return { local: { address: local, port: srcPort }, remote: { address: remote, port: dstPort } };
}

/** The new address where there is one of the pod's. */
function ownAddress(
  { family }: InetSocket,
  words: readonly number[],
  own: ReadonlyMap<string, string>,
): string | undefined {
  const text = textOf(family, words);
  return text === undefined ? undefined : own.get(text);
}

/** The words to be written, if these are not there already. */
function changed({ family }: InetSocket, words: readonly number[], address: string | undefined): number[] | undefined {
  const fresh = address === undefined ? words : wordsFrom(family, address);
  return fresh.every((word, at) => word === words[at]) ? undefined : [...fresh];
}
