/** The transports of a node, as its flags say. */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Identity } from '../../proto/identity.ts';
import { Checkpoints } from './directory/checkpoints.ts';
import { DirectoryTransport } from './directory/directory.ts';
import { NfsTransport } from './nfs/nfs.ts';
import { Share } from './nfs/share.ts';
import { Listener } from './stream/listener.ts';
import { defaultStallMs, StreamTransport } from './stream/stream.ts';
import type { Sending, Transport } from './transfer.ts';

export interface TransportOptions {
  /** HOST:PORT where other agents connect. */
  address: string;
  identity: Identity;
  /** Undefined: no transport nfs, and no checkpoints. */
  nfsDirectory: string | undefined;
  log: Logger;
}

/** By way of a directory that all nodes have mounted. */
export interface Shared {
  nfs: Transport;
  directory: Sending;
  checkpoints: Checkpoints;
}

export interface Transports {
  stream: StreamTransport;
  shared: Shared | undefined;
}

export async function openTransports(options: TransportOptions): Promise<Transports> {
  const { address, identity, nfsDirectory, log } = options;
  const listener = new Listener({ address, identity, log, stallMs: defaultStallMs });
  await listener.listen();
  const stream = new StreamTransport(listener, identity);
  if (nfsDirectory === undefined) return { stream, shared: undefined };
  const node = identity.role?.kind === 'agent' ? identity.role.node : hostname();
  const checkpoints = new Checkpoints(nfsDirectory, node, log);
  const nfs = new NfsTransport(new Share(nfsDirectory, node, log), stream);
  return { stream, shared: { nfs, directory: new DirectoryTransport(checkpoints), checkpoints } };
}
