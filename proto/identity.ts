/**
 * Who a process is, and who its peer is: a certificate whose DNS names are the identities, and the authorities that are
 * trusted: one, or several while one follows another. Usually that is a directory with ca.crt, tls.crt and tls.key, as a
 * Kubernetes secret of type kubernetes.io/tls has them. Nobody else is trusted, whatever the machine's own store or
 * environment variables say.
 */
import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { ChannelCredentials, type ChannelOptions, ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { requireAuthorities } from './bundle.ts';
import { ReloadingChannelCredentials, ReloadingServerCredentials } from './credentials.ts';
import { Fault } from './fault.ts';
import { type Role, roleOfNames } from './role.ts';
import { directorySource, type Files, read, type Source } from './source.ts';

export { agentName, coordinatorName, type Role, mustBe, requireRole, roleOfCall, roleOfCertificate } from './role.ts';

/** What node:tls needs of us, as a server and as a client. */
export interface TlsOptions extends SecureContextOptions {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
  minVersion: 'TLSv1.3';
}

export interface Identity {
  /** Our own; undefined: plaintext, where nobody is anybody. */
  readonly role: Role | undefined;
  /** When its certificate is over, in milliseconds since 1970; undefined in plaintext. */
  readonly expiresAt: number | undefined;
  /** Of a gRPC server that wants a certificate of every client. */
  serverCredentials(): ServerCredentials;
  channelCredentials(): ChannelCredentials;
  /** @param expected DNS name that the server's certificate must have, whatever its address: see agentName() */
  channelOptions(expected: string): ChannelOptions;
  /** Of this moment; a server that lives longer asks again in onReload. Undefined: plaintext. */
  tlsOptions(): TlsOptions | undefined;
  /** Calls when the files have changed. @returns what ends it */
  onReload(listener: () => void): () => void;
  close(): void;
}

/** Kubelet takes up to a minute to bring a changed secret to a pod: a few seconds more are nothing. */
const refreshMs = 5_000;

/**
 * @param directory undefined: plaintext. The caller has warned of it.
 * @param options.refreshMs how often the files are read again, in milliseconds
 * @throws Fault InvalidArgument when a file is missing or unusable, or the certificate names no identity
 */
export function openIdentity(
  directory: string | undefined,
  log: Pick<Logger, 'info' | 'warn'>,
  options: { refreshMs?: number } = {},
): Identity {
  return directory === undefined
    ? plaintext
    : identityFrom(directorySource(directory, options.refreshMs ?? refreshMs), log);
}

/** @throws Fault InvalidArgument when what the source has at present is unusable, or names no identity */
export function identityFrom(source: Source, log: Pick<Logger, 'info' | 'warn'>): Identity {
  return new CertifiedIdentity(source, log);
}

/** Of a client without a certificate: it knows whom to trust, and who is asked. */
export type Trust = Pick<Identity, 'channelCredentials' | 'channelOptions'>;

/**
 * @param file the authorities' certificates
 * @throws Fault InvalidArgument
 */
export function trustOf(file: string): Trust {
  return trustIn(read(file), file);
}

/**
 * @param name what to call them in an error
 * @throws Fault InvalidArgument
 */
export function trustIn(ca: Buffer, name: string): Trust {
  try {
    requireAuthorities(ca.toString(), name);
    const context = createSecureContext({ ca, minVersion: 'TLSv1.3' });
    const credentials = new ReloadingChannelCredentials(() => context);
    return { channelCredentials: () => credentials, channelOptions };
  } catch (error) {
    throw Fault.from(error, 'InvalidArgument', `${name} cannot be used`);
  }
}

function channelOptions(expected: string): ChannelOptions {
  return { 'grpc.ssl_target_name_override': expected };
}

const plaintext: Identity = {
  role: undefined,
  expiresAt: undefined,
  serverCredentials: () => ServerCredentials.createInsecure(),
  channelCredentials: () => ChannelCredentials.createInsecure(),
  channelOptions: () => ({}),
  tlsOptions: () => undefined,
  onReload: () => () => {},
  close: () => {},
};

interface Loaded {
  tls: TlsOptions;
  context: SecureContext;
  role: Role;
  expiresAt: number;
}

class CertifiedIdentity implements Identity {
  readonly #source: Source;
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  readonly #listeners = new Set<() => void>();
  readonly #leave: () => void;
  readonly #channelCredentials = new ReloadingChannelCredentials(() => this.#now.context);
  #now: Loaded;
  #complaint = '';

  constructor(source: Source, log: Pick<Logger, 'info' | 'warn'>) {
    this.#source = source;
    this.#log = log;
    this.#now = load(source);
    this.#leave = source.watch(() => this.#refresh());
  }

  get role(): Role {
    return this.#now.role;
  }

  get expiresAt(): number {
    return this.#now.expiresAt;
  }

  serverCredentials(): ServerCredentials {
    return new ReloadingServerCredentials(this);
  }

  channelCredentials(): ChannelCredentials {
    return this.#channelCredentials;
  }

  channelOptions(expected: string): ChannelOptions {
    return channelOptions(expected);
  }

  tlsOptions(): TlsOptions {
    return this.#now.tls;
  }

  onReload(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#leave();
    this.#listeners.clear();
  }

  #refresh(): void {
    let next: Loaded;
    try {
      next = load(this.#source, this.#now);
    } catch (error) {
      // Half of a renewal, or a broken one: what we have still works. Said once, not at every look.
      const { message } = error as Error;
      if (message !== this.#complaint)
        this.#log.warn({ err: error }, 'certificates changed, but cannot be used: kept the old ones');
      this.#complaint = message;
      return;
    }
    this.#complaint = '';
    if (next === this.#now) return;
    this.#now = next;
    this.#log.info({ from: this.#source.where, validTo: new Date(next.expiresAt) }, 'certificates reloaded');
    for (const listener of this.#listeners) listener();
  }
}

/** @param last what to return when nothing has changed since */
function load(source: Source, last?: Loaded): Loaded {
  const { ca, cert, key }: Files = source.read();
  if (last !== undefined && ca.equals(last.tls.ca) && cert.equals(last.tls.cert) && key.equals(last.tls.key))
    return last;
  const tls: TlsOptions = { ca, cert, key, minVersion: 'TLSv1.3' };
  try {
    requireAuthorities(ca.toString(), 'ca.crt');
    const own = new X509Certificate(cert);
    const role = roleOfNames(own.subjectAltName);
    if (role === undefined) {
      throw new Error(
        `tls.crt has the names ${JSON.stringify(own.subjectAltName ?? '')}, but needs exactly one of ` +
          'NODE.agent.podferry, coordinator.podferry, client.podferry, NAME.client.podferry',
      );
    }
    return { tls, context: createSecureContext(tls), role, expiresAt: own.validToDate.getTime() };
  } catch (error) {
    throw new Fault('InvalidArgument', `certificates in ${source.where} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
