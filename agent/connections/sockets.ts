/** Sockets of a network namespace, as /proc shows them to whoever reads it by one of its processes. */
import { readFileSync } from 'node:fs';
import { ipv4Family, ipv6Family, textOf } from './ip.ts';
import type { Connection, Endpoint } from './connection.ts';

/** Linux's numbers, include/net/tcp_states.h. */
const states = {
  '01': 'established',
  '02': 'syn-sent',
  '03': 'syn-received',
  '04': 'fin-wait-1',
  '05': 'fin-wait-2',
  '06': 'time-wait',
  '07': 'close',
  '08': 'close-wait',
  '09': 'last-ack',
  '0A': 'listen',
  '0B': 'closing',
} as const;

export interface Socket extends Connection {
  state: (typeof states)[keyof typeof states];
  /** Bytes; of a listener the connections that wait to be accepted. */
  receiveQueue: number;
  /** No process has it: not accepted yet, or closed while the kernel still sends what is left. */
  isOrphan: boolean;
}

/** @param pid of any process in the namespace */
export function socketsOf(pid: number, protocol: 'tcp' | 'udp' = 'tcp'): Socket[] {
  return [protocol, `${protocol}6`].flatMap((table) => {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/net/${table}`, 'latin1');
    } catch {
      // A kernel without IPv6.
      return [];
    }
    return parseSockets(text);
  });
}

/** @param text of /proc/PID/net/tcp, tcp6, udp or udp6, where a state is but whether there is a peer */
export function parseSockets(text: string): Socket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', remote = '', code = '', queues = '', , , , , inode] = line.trim().split(/\s+/);
      const state = states[code as keyof typeof states];
      if (state === undefined) return [];
      const receiveQueue = Number.parseInt(queues.split(':')[1] ?? '0', 16);
      return [{ local: endpoint(local), remote: endpoint(remote), state, receiveQueue, isOrphan: inode === '0' }];
    });
}

/** Whether a connection is on its way to the pod and the pod itself does not know of it yet. */
export function isArriving({ state, receiveQueue }: Socket): boolean {
  return state === 'syn-received' || (state === 'listen' && receiveQueue > 0);
}

/** Datagrams have come that the pod has not read yet; who writes its sockets down leaves them out. */
export function isUnread({ receiveQueue }: Socket): boolean {
  return receiveQueue > 0;
}

/** A connection that the pod will never know of: its kernel has, or had, completed it. */
export function isUnaccepted({ state, isOrphan }: Socket): boolean {
  return state === 'syn-received' || (isOrphan && (state === 'established' || state === 'close-wait'));
}

/** One end has said all, and the other end knows. */
export function isHalfClosed({ state }: Socket): boolean {
  return state === 'close-wait' || state === 'fin-wait-2';
}

/** Closed by the pod; its kernel sends what is left, and needs no process for that. */
export function isFinishing({ state, isOrphan }: Socket): boolean {
  return isOrphan && ['fin-wait-1', 'fin-wait-2', 'closing', 'last-ack'].includes(state);
}

/** Words of an address are shown as numbers of this machine. */
function endpoint(text: string): Endpoint {
  const [words = '', port = ''] = text.split(':');
  const numbers = (words.match(/.{8}/g) ?? []).map((word) => Number.parseInt(word, 16));
  const family = numbers.length === 1 ? ipv4Family : ipv6Family;
  return { address: textOf(family, numbers) ?? '', port: Number.parseInt(port, 16) };
}
