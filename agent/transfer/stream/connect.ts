/** The source's way to the target's data socket: connection, certificates, token, welcome. */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Fault } from '../../../proto/fault.ts';
import { agentName, type Identity, mustBe } from '../../../proto/identity.ts';
import { socketFault } from '../foreign-error.ts';
import type { Destination } from '../transfer.ts';
import { kinds, protocolVersion } from './frames.ts';
import { Link } from './link.ts';
import { StreamOutbox } from './outbox.ts';

/** For connection, handshake and welcome together, in milliseconds. */
const patienceMs = 5_000;

export async function connect(
  to: Destination,
  identity: Identity,
  stallMs: number,
  signal: AbortSignal,
): Promise<StreamOutbox> {
  return await reach(to, 'send', (link) => new StreamOutbox(link, to), { identity, stallMs }, signal);
}

/**
 * @param direction what the token is good for: to send, or to serve pages that the target asks for
 * @param made called once welcome; it sets the link's handler
 */
export async function reach<Made>(
  to: Pick<Destination, 'migration' | 'address' | 'peer' | 'token'>,
  direction: 'send' | 'pages',
  made: (link: Link) => Made,
  { identity, stallMs }: { identity: Identity; stallMs: number },
  signal: AbortSignal,
): Promise<Made> {
  const peer = `${to.peer} at ${to.address}`;
  const late = AbortSignal.timeout(patienceMs);
  const socket = dial(to, identity);
  const { promise, resolve, reject } = Promise.withResolvers<Made>();
  const giveUp = () => {
    const reason = late.aborted
      ? new Fault('AgentUnreachable', `no answer from ${peer} within ${patienceMs} ms; is its data port reachable?`)
      : Fault.from(signal.reason, 'Cancelled');
    socket.destroy();
    reject(reason);
  };
  const given = AbortSignal.any([signal, late]);
  given.addEventListener('abort', giveUp, { once: true });
  if (given.aborted) giveUp();
  socket.once('error', (error) => reject(socketFault(error, `cannot connect to ${peer}`, 'AgentUnreachable')));
  socket.once(identity.role === undefined ? 'connect' : 'secureConnect', () => {
    const link = new Link(socket, peer, stallMs, {
      frame(kind) {
        if (kind === kinds.Welcome) resolve(made(link));
        else throw new Fault('TransferFailed', `${peer} answered with a frame of kind ${kind} instead of a welcome`);
      },
      data() {
        throw new Fault('TransferFailed', `${peer} answered with bytes instead of a welcome`);
      },
      gone: reject,
    });
    const { migration, token } = to;
    link.send(kinds.Hello, { version: protocolVersion, migration, direction, token });
  });
  try {
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    given.removeEventListener('abort', giveUp);
  }
}

function dial(to: Pick<Destination, 'address' | 'peer'>, identity: Identity): Socket {
  const { host, port } = addressOf(to.address);
  const tls = identity.tlsOptions();
  if (tls === undefined) return connectPlain({ host, port });
  const name = agentName(to.peer);
  return connectTls({
    ...tls,
    host,
    port,
    servername: name,
    checkServerIdentity: (_, certificate) => mustBe(name, certificate),
  });
}

/** @param address HOST:PORT, an IPv6 host in brackets */
export function addressOf(address: string): { host: string; port: number } {
  const [, v6, other, port] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):([0-9]{1,5})$/i.exec(address) ?? [];
  const host = v6 ?? other;
  if (host === undefined || Number(port) > 65_535) {
    throw new Fault(
      'InvalidArgument',
      `address ${JSON.stringify(address)} is not HOST:PORT; an IPv6 host needs brackets`,
    );
  }
  return { host, port: Number(port) };
}
