/** The target's data socket: lets in who has a certificate of an agent and a token of ours, and nobody else. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { Fault } from '../../../proto/fault.ts';
import { type Identity, roleOfCertificate } from '../../../proto/identity.ts';
import { checkLabel } from '../../paths.ts';
import type { Grant, Inbox, Sink } from '../transfer.ts';
import { Tokens } from '../tokens.ts';
import { addressOf } from './connect.ts';
import { kinds, protocolVersion } from './frames.ts';
import { StreamInbox } from './inbox.ts';
import { Link, type LinkHandler } from './link.ts';

/** For the TLS handshake, and again for the first frame, in milliseconds. */
const patienceMs = 5_000;
/** Connections that have not shown a token yet. */
const strangersLimit = 64;

export interface ListenerOptions {
  /** HOST:PORT to listen at; port 0: any. */
  address: string;
  identity: Identity;
  log: Pick<Logger, 'info' | 'warn'>;
  /** Silence after which a peer counts as gone, in milliseconds. */
  stallMs: number;
}

/**
 * Who may connect to be asked for pages. Unlike a token it is good again and again, as long as the migration lasts: after
 * the commit both sides' agents may lose each other and have to find back.
 */
export interface PagesGrant {
  migration: string;
  /** The source's node, as its certificate names it. */
  peer: string;
  secret: string;
}

interface Pages extends PagesGrant {
  met(link: Link): LinkHandler;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #tokens = new Tokens<() => StreamInbox>();
  readonly #inboxes = new Set<StreamInbox>();
  readonly #pages = new Map<string, Pages>();
  readonly #strangers = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** @throws Fault Internal when the address cannot be had */
  async listen(): Promise<void> {
    const { identity, address, log } = this.#options;
    const tls = identity.tlsOptions();
    if (tls === undefined) {
      this.#server = createPlainServer((socket) => this.#meet(socket, undefined));
    } else {
      const options = { ...tls, requestCert: true, rejectUnauthorized: true, handshakeTimeout: patienceMs };
      const server = createTlsServer(options, (socket) => this.#meetVerified(socket));
      server.on('tlsClientError', (error, { remoteAddress }) => {
        log.warn({ remoteAddress, reason: error.message }, 'refused a connection without a certificate of ours');
      });
      const stop = identity.onReload(() => {
        const renewed = identity.tlsOptions();
        if (renewed !== undefined) server.setSecureContext(renewed);
      });
      server.once('close', stop);
      this.#server = server;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(addressOf(address), resolve);
    try {
      await promise;
    } catch (error) {
      throw Fault.from(error, 'Internal', `cannot listen for transfers at ${address}`);
    }
  }

  /** Where it listens, once listen() has resolved. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  expect({ migration, peer, validMs }: Grant, sink: Sink): Inbox {
    const use = { migration: checkLabel('migration', migration), direction: 'send' as const, peer };
    const token = this.#tokens.issue(use, validMs, () => inbox);
    const inbox: StreamInbox = new StreamInbox(token, validMs, sink, () => {
      this.#tokens.revoke(token);
      this.#inboxes.delete(inbox);
    });
    this.#inboxes.add(inbox);
    return inbox;
  }

  /**
   * @param met called with each connection, of which there may be a second one before the first is known to be gone
   * @returns what ends it
   */
  expectPages(grant: PagesGrant, met: Pages['met']): () => void {
    const pages = { ...grant, met };
    this.#pages.set(grant.migration, pages);
    return () => void (this.#pages.get(grant.migration) === pages && this.#pages.delete(grant.migration));
  }

  async close(): Promise<void> {
    const reason = new Fault('AgentUnreachable', 'the target agent is shutting down; try again when it is back');
    for (const socket of this.#strangers) socket.destroy();
    await Promise.all([...this.#inboxes].map((inbox) => inbox.abort(reason)));
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#server === undefined) resolve();
    else this.#server.close(() => resolve());
    await promise;
  }

  #meetVerified(socket: TLSSocket): void {
    const role = roleOfCertificate(socket.getPeerCertificate());
    if (role?.kind === 'agent') return this.#meet(socket, role.node);
    const names = socket.getPeerCertificate().subjectaltname ?? 'nobody';
    this.#options.log.warn({ remoteAddress: socket.remoteAddress, names }, 'refused a data connection: not an agent');
    const link = this.#stranger(socket, names, () => {});
    void link.refuse(new Fault('PermissionDenied', `data sockets are for agents, but the certificate names ${names}`));
  }

  /** @param node of the peer's certificate; undefined in plaintext */
  #meet(socket: Socket, node: string | undefined): void {
    const from = `${node ?? 'peer'} at ${socket.remoteAddress}`;
    const link = this.#stranger(socket, from, (hello) => {
      try {
        this.#admit(hello, node).attach(link);
        this.#strangers.delete(socket);
      } catch (error) {
        const fault = Fault.from(error, 'Internal');
        this.#options.log.warn({ from, reason: fault.reason, err: fault }, 'refused a data connection');
        void link.refuse(fault);
      }
    });
  }

  /** A link that may say one thing: hello. */
  #stranger(socket: Socket, from: string, hello: (value: unknown) => void): Link {
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    const forget = () => {
      clearTimeout(timer);
      this.#strangers.delete(socket);
    };
    socket.once('close', forget);
    this.#strangers.add(socket);
    if (this.#strangers.size > strangersLimit) socket.destroy();
    return new Link(socket, from, this.#options.stallMs, {
      frame(kind, value) {
        if (kind !== kinds.Hello) throw new Fault('TransferFailed', `a frame of kind ${kind} came before any hello`);
        clearTimeout(timer);
        hello(value);
      },
      data() {
        throw new Fault('TransferFailed', 'bytes came before any hello');
      },
      gone: forget,
    });
  }

  #admit(hello: unknown, node: string | undefined): { attach(link: Link): void } {
    const { version, migration, direction, token } = (hello ?? {}) as Record<string, unknown>;
    if (version !== protocolVersion) {
      const versions = `this agent speaks ${protocolVersion}, the source ${JSON.stringify(version)}`;
      throw new Fault(
        'TransportUnavailable',
        `transfer protocols differ: ${versions}; bring both agents to one version`,
      );
    }
    if (typeof migration !== 'string' || typeof token !== 'string' || (direction !== 'send' && direction !== 'pages')) {
      throw new Fault('InvalidArgument', 'a hello needs migration, direction and token');
    }
    if (direction === 'pages') return this.#admitPages(migration, token, node);
    return this.#tokens.redeem(token, { migration, direction, peer: node })();
  }

  #admitPages(migration: string, token: string, node: string | undefined): { attach(link: Link): void } {
    const pages = this.#pages.get(migration);
    const isRight = pages !== undefined && timingSafeEqual(digestOf(token), digestOf(pages.secret));
    if (!isRight || (node !== undefined && node !== pages.peer)) {
      const who = node === undefined ? 'this peer' : `node ${node}`;
      throw new Fault(
        'PermissionDenied',
        `nobody here waits for pages of migration ${JSON.stringify(migration)} from ${who}`,
      );
    }
    return {
      attach(link) {
        link.handler = pages.met(link);
        link.send(kinds.Welcome);
      },
    };
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
