/** The status of a GET. Also 404 and 401 are answers of somebody who lives; 5xx is what a proxy says of one who does not. */
import { request } from 'node:http';
import type { Address } from '../settings.ts';
import { Missed, missOf, type Probe } from './probe.ts';

export function httpProbe({ host, port }: Address, path: string): Probe {
  return {
    async attempt(signal) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      // Without an agent: it would keep connections, and a kept one says nothing of new ones.
      const asking = request({ host, port, path, agent: false, signal });
      asking.on('response', ({ statusCode = 0 }) => resolve(statusCode));
      asking.on('error', (error) => reject(missOf(distinguish(error), signal)));
      asking.on('close', () => reject(new Missed('closed', 'the connection was closed without an answer')));
      asking.end();
      try {
        const status = await promise;
        if (status >= 500) throw new Missed('rejected', `status ${status}`);
      } finally {
        // The body may have no end.
        asking.destroy();
      }
    },
  };
}

function distinguish(error: NodeJS.ErrnoException): Error {
  // Node gives an ordinary end the code of a reset; only a real one comes from a system call.
  if (error.code === 'ECONNRESET' && error.syscall === undefined)
    return new Missed('closed', error.message, { cause: error });
  if (error.code?.startsWith('HPE_')) return new Missed('rejected', `not HTTP: ${error.message}`, { cause: error });
  return error;
}
