/** Somebody accepts. Not more: the kernel of a pod that stands still does so too, until its backlog is full. */
import type { Address } from '../settings.ts';
import { connect } from './connect.ts';
import type { Probe } from './probe.ts';

export function tcpProbe(address: Address): Probe {
  return {
    async attempt(signal) {
      const socket = await connect(address, signal);
      socket.destroy();
    },
  };
}
