/**
 * Who a process is, and who its peer is: a certificate from one authority, whose DNS names are the identities.
 * An identity is a directory with ca.crt, tls.crt and tls.key, as a Kubernetes secret of type kubernetes.io/tls has
 * them. That authority alone is trusted, whatever the machine's own store or environment variables say.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { ChannelCredentials, type ChannelOptions, ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { ReloadingChannelCredentials, ReloadingServerCredentials } from './credentials.ts';
import { Fault } from './fault.ts';
import { type Role, roleOfNames } from './role.ts';

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
  return directory === undefined ? plaintext : new CertifiedIdentity(directory, log, options.refreshMs ?? refreshMs);
}

/**
 * Of a client without a certificate: it knows the authority, and who is asked.
 * @param file the authority's certificate
 * @throws Fault InvalidArgument
 */
export function trustOf(file: string): Pick<Identity, 'channelCredentials' | 'channelOptions'> {
  return trustIn(read(file), file);
}

/** As trustOf(), of a certificate that is at hand. @param name for people */
export function trustIn(ca: Buffer, name: string): Pick<Identity, 'channelCredentials' | 'channelOptions'> {
  try {
    requireAuthority(ca, name);
    const context = createSecureContext({ ca, minVersion: 'TLSv1.3' });
    const credentials = new ReloadingChannelCredentials(() => context);
    return { channelCredentials: () => credentials, channelOptions };
  } catch (error) {
    throw Fault.from(error, 'InvalidArgument', `${name} cannot be used`);
  }
}

/** An empty one would mean "all that the machine trusts". */
function requireAuthority(certificate: Buffer, name: string): void {
  if (!new X509Certificate(certificate).ca) throw new Error(`${name} is not the certificate of an authority`);
}

function channelOptions(expected: string): ChannelOptions {
  return { 'grpc.ssl_target_name_override': expected };
}

const plaintext: Identity = {
  role: undefined,
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
  validTo: string;
}

class CertifiedIdentity implements Identity {
  readonly #directory: string;
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #channelCredentials = new ReloadingChannelCredentials(() => this.#now.context);
  #now: Loaded;
  #complaint = '';

  constructor(directory: string, log: Pick<Logger, 'info' | 'warn'>, refreshMs: number) {
    this.#directory = directory;
    this.#log = log;
    this.#now = load(directory);
    // Not fs.watch: a watch is lost when the directory itself is replaced, and it can be refused (inotify limits).
    this.#timer = setInterval(() => this.#refresh(), refreshMs).unref();
  }

  get role(): Role {
    return this.#now.role;
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
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  #refresh(): void {
    let next: Loaded;
    try {
      next = load(this.#directory, this.#now);
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
    this.#log.info({ directory: this.#directory, validTo: next.validTo }, 'certificates reloaded');
    for (const listener of this.#listeners) listener();
  }
}

/** @param last what to return when nothing has changed since */
function load(directory: string, last?: Loaded): Loaded {
  const [ca, cert, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((name) => read(join(directory, name))) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  if (last !== undefined && ca.equals(last.tls.ca) && cert.equals(last.tls.cert) && key.equals(last.tls.key))
    return last;
  const tls: TlsOptions = { ca, cert, key, minVersion: 'TLSv1.3' };
  try {
    requireAuthority(ca, 'ca.crt');
    const own = new X509Certificate(cert);
    const role = roleOfNames(own.subjectAltName);
    if (role === undefined) {
      throw new Error(
        `tls.crt has the names ${JSON.stringify(own.subjectAltName ?? '')}, but needs exactly one of ` +
          'NODE.agent.podferry, coordinator.podferry, client.podferry, NAME.client.podferry',
      );
    }
    return { tls, context: createSecureContext(tls), role, validTo: own.validTo };
  } catch (error) {
    throw new Fault('InvalidArgument', `certificates in ${directory} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const what = `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`;
    throw new Fault('InvalidArgument', `${what}; a directory of certificates holds ca.crt, tls.crt and tls.key`, {
      cause: error,
    });
  }
}
