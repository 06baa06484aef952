/** The transports of a node, as its flags say. */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Identity } from '../../proto/identity.ts';
import { NfsTransport } from './nfs/nfs.ts';
import { Share } from './nfs/share.ts';
import { Listener } from './stream/listener.ts';
import { defaultStallMs, StreamTransport } from './stream/stream.ts';
import type { Transport } from './transfer.ts';

export interface TransportOptions {
  /** HOST:PORT where other agents connect. */
  address: string;
  identity: Identity;
  /** Undefined: no transport nfs. */
  nfsDirectory: string | undefined;
  log: Logger;
}

export async function openTransports(
  options: TransportOptions,
): Promise<Record<'stream' | 'nfs', Transport | undefined>> {
  const { address, identity, nfsDirectory, log } = options;
  const listener = new Listener({ address, identity, log, stallMs: defaultStallMs });
  await listener.listen();
  const stream = new StreamTransport(listener, identity);
  if (nfsDirectory === undefined) return { stream, nfs: undefined };
  const node = identity.role?.kind === 'agent' ? identity.role.node : hostname();
  return { stream, nfs: new NfsTransport(new Share(nfsDirectory, node, log), stream) };
}
