/**
 * The coordinator's own certificate: every replica signs one for itself, with the key that all of them can read, and
 * keeps what it is with in its memory. Signed anew in time, and as soon as another authority signs or is to be trusted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import { coordinatorName } from '../../proto/identity.ts';
import type { Files, Source } from '../../proto/source.ts';
import { keyInPem, makeKeys } from '../../proto/x509.ts';
import type { Authority, Present } from './authority.ts';
import { type Validity, validityOf } from './certificate.ts';
import { skewOf } from './decide.ts';

interface Signed {
  files: Files;
  validity: Validity;
  /** What it was signed by, and what was to be trusted then. */
  chain: string;
  trust: string;
}

/** Milliseconds; doubled from the first to the last one. */
const pauses = { first: 500, last: 15_000 };

export class OwnCertificate implements Source {
  readonly where: string;
  readonly #authority: Authority;
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  readonly #listeners = new Set<() => void>();
  #signed: Signed;

  private constructor(authority: Authority, where: string, signed: Signed, log: Pick<Logger, 'info' | 'warn'>) {
    this.#authority = authority;
    this.where = where;
    this.#signed = signed;
    this.#log = log;
  }

  /**
   * Waits for an API server that does not answer, and for an authority that somebody else has to make.
   * @throws the signal's reason
   */
  static async first(
    authority: Authority,
    where: string,
    log: Pick<Logger, 'info' | 'warn'>,
    signal: AbortSignal,
  ): Promise<OwnCertificate> {
    for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.last)) {
      try {
        return new OwnCertificate(authority, where, await sign(await authority.read(signal)), log);
      } catch (error) {
        signal.throwIfAborted();
        const { reason, message } = Fault.from(error, 'Internal');
        log.warn({ reason, retryMs: pause }, `no certificate of coordinator.podferry yet: ${message}`);
      }
      await sleep(pause, undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  }

  read(): Files {
    return this.#signed.files;
  }

  watch(look: () => void): () => void {
    this.#listeners.add(look);
    return () => this.#listeners.delete(look);
  }

  /** Looks again and again until the signal; never throws. */
  async keep(intervalMs: number, signal: AbortSignal): Promise<void> {
    let complaint = '';
    while (!signal.aborted) {
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#look(signal);
        complaint = '';
      } catch (error) {
        if (signal.aborted) return;
        const { reason, message } = Fault.from(error, 'Internal');
        const validTo = new Date(this.#signed.validity.until);
        if (message !== complaint) this.#log.warn({ reason, validTo }, `kept the certificate there is: ${message}`);
        complaint = message;
      }
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const present = await this.#authority.read(signal);
    const { validity, chain, trust } = this.#signed;
    const isYoung = Date.now() < validity.from + ((validity.until - validity.from) * 2) / 3;
    if (isYoung && chain === present.signer.chain && trust === present.trust) return;
    this.#signed = await sign(present);
    for (const listener of this.#listeners) listener();
  }
}

async function sign({ signer, certificateMs, trust }: Present): Promise<Signed> {
  const now = Date.now();
  const { publicKey, privateKey } = await makeKeys();
  const wanted = { from: now - skewOf({ certificateMs }), until: now + certificateMs };
  const certificate = await signer.sign(coordinatorName, publicKey, wanted);
  const [ca, cert, key] = [trust, certificate + signer.between, await keyInPem(privateKey)].map((text) =>
    Buffer.from(text),
  ) as [Buffer, Buffer, Buffer];
  return { files: { ca, cert, key }, validity: validityOf(certificate), chain: signer.chain, trust };
}
