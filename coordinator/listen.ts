/** Where clients reach the coordinator, and of whom it takes a connection. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { Fault } from '../proto/fault.ts';
import type { Identity } from '../proto/identity.ts';
import type { Address } from './settings.ts';

export interface Listening {
  port: number;
  /** Takes no new connections. */
  close(): void;
}

/** @param tokens whether a client may say who it is by a token: then it needs no certificate */
export async function listen(server: Server, at: Address, identity: Identity, tokens: boolean): Promise<Listening> {
  const address = at.host.includes(':') ? `[${at.host}]:${at.port}` : `${at.host}:${at.port}`;
  try {
    const tls = identity.tlsOptions();
    if (tokens && tls !== undefined) return await listenToEverybody(server, at, identity);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, identity.serverCredentials(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return { port, close: () => {} };
  } catch (error) {
    throw Fault.from(error, 'InvalidArgument', `cannot listen at ${address}`);
  }
}

/**
 * TLS of our own: grpc-js tells a handler of a certificate that was verified, and cannot tell one that shows none from
 * one that shows another authority's.
 */
async function listenToEverybody(server: Server, { host, port }: Address, identity: Identity): Promise<Listening> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const options = { requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2'] };
  const listener = createServer({ ...identity.tlsOptions(), ...options }, (socket: TLSSocket) => {
    // Whoever goes away in the middle is not worth a word.
    socket.on('error', () => {});
    const showsSomething = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
    if (socket.authorized || !showsSomething) injector.injectConnection(socket);
    else socket.destroy();
  });
  const leave = identity.onReload(() => listener.setSecureContext({ ...identity.tlsOptions() }));
  listener.listen(port, host);
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    close() {
      leave();
      listener.close();
    },
  };
}
