/** PING and its PONG: unlike a connection, it takes a process that runs. */
import type { Socket } from 'node:net';
import type { Address } from '../settings.ts';
import { connect } from './connect.ts';
import { Missed, missOf, type Probe } from './probe.ts';

const ping = '*1\r\n$4\r\nPING\r\n';
const longestLine = 1_024;

export function redisProbe(address: Address): Probe {
  return {
    async attempt(signal) {
      const socket = await connect(address, signal);
      try {
        socket.write(ping);
        const line = await firstLine(socket, signal);
        // Whoever asks for a password is there. Whoever is LOADING or has lost its MASTER is of no use to a client.
        if (line !== '+PONG' && !line.startsWith('-NOAUTH')) throw new Missed('rejected', line);
      } finally {
        socket.destroy();
      }
    },
  };
}

async function firstLine(socket: Socket, signal: AbortSignal): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    let received = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      const end = received.indexOf('\r\n');
      if (end !== -1) resolve(received.slice(0, end));
      else if (received.length > longestLine) reject(new Missed('rejected', 'an answer that is none of a Redis'));
    });
    socket.on('error', (error) => reject(missOf(error, signal)));
    socket.on('close', () => reject(new Missed('closed', 'the connection was closed without an answer')));
  });
}
