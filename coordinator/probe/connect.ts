import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { Address } from '../settings.ts';
import { missOf } from './probe.ts';

/**
 * A name is looked up again each time, as a client that starts now would: behind a headless service the address changes
 * with the pod. @throws as Probe.attempt()
 */
export async function connect({ host, port }: Address, signal: AbortSignal): Promise<Socket> {
  const socket = createConnection({ host, port, noDelay: true, signal });
  try {
    await once(socket, 'connect');
  } catch (error) {
    throw missOf(error, signal);
  }
  // Without a listener an error that comes after the answer would end the process.
  return socket.on('error', () => {});
}
