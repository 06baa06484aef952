/** The ends of a TCP connection, as a pod's own side sees them. */

export interface Endpoint {
  /** In the usual notation of its IP version; never an IPv4 address in IPv6 clothes. */
  address: string;
  port: number;
}

export interface Connection {
  local: Endpoint;
  remote: Endpoint;
}

/** One that moves along: its peer keeps its own view, and the pod sees `port` of its former address as the peer. */
export interface Kept extends Connection {
  port: number;
  /** One direction had ended before it was kept: nobody will say so again. */
  halfClosed?: boolean;
}

/** An address of the pod, and the one that it has at the target instead. */
export interface Move {
  family: 'ip' | 'ip6';
  from: string;
  to: string;
}
