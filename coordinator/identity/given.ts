/**
 * An authority that somebody else keeps, like cert-manager: its Secret is read, never written. What was trusted stays so
 * as long as there may be certificates of it; how long that is stands beside the trust, in the ConfigMap. One that takes
 * another's place is published first and signs after the usual delay, by whoever still has the former one in memory.
 */
import { X509Certificate } from 'node:crypto';
import type { V1ConfigMap } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { bundleOf, certificatesIn } from '../../proto/bundle.ts';
import { Fault } from '../../proto/fault.ts';
import type { Authority, Present } from './authority.ts';
import { openSigner, type Signer, validityOf } from './certificate.ts';
import { type Spans, skewOf } from './decide.ts';
import type { Found, Objects } from './objects.ts';
import { pairIn } from './secret.ts';

const annotation = 'podferry.dev/trusted';

/** One certificate of the trust. Milliseconds since 1970. */
export interface Known {
  certificate: string;
  since: number;
  /** Set when it is no more in the Secret. */
  until: number | undefined;
}

/** What is to be trusted from now on. Pure. @param present of the Secret; @param known of the ConfigMap */
export function remember(now: number, present: readonly string[], known: readonly Known[], spans: Spans): Known[] {
  const kept = present.map((certificate) => ({
    certificate,
    since: known.find((each) => each.certificate === certificate)?.since ?? now,
    until: undefined,
  }));
  const former = known
    .filter(({ certificate }) => !present.includes(certificate))
    .map((each) => ({ ...each, until: each.until ?? lastOf(now, each.certificate, spans) }));
  return [...kept, ...former.filter(({ until }) => now < until)];
}

/** Until it is the next one's turn it may sign. */
function lastOf(now: number, certificate: string, { delayMs, certificateMs }: Spans): number {
  return Math.min(validityOf(certificate).until, now + delayMs + certificateMs + skewOf({ certificateMs }));
}

export class GivenAuthority implements Authority {
  readonly #objects: Objects;
  readonly #spans: Spans;
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  #signer: Signer | undefined;

  constructor(objects: Objects, spans: Spans, log: Pick<Logger, 'info' | 'warn'>) {
    this.#objects = objects;
    this.#spans = spans;
    this.#log = log;
  }

  async read(signal: AbortSignal): Promise<Present> {
    const { signer, trust } = await this.#given(signal);
    const known = knownIn(await this.#objects.trust(signal));
    this.#signer = this.#turn(signer, known);
    const all = [...certificatesIn(trust), ...known.map(({ certificate }) => certificate)];
    return { signer: this.#signer, certificateMs: this.#spans.certificateMs, trust: bundleOf(...all) };
  }

  async tend(signal: AbortSignal): Promise<void> {
    const { trust } = await this.#given(signal);
    const known = knownIn(await this.#objects.trust(signal));
    const now = remember(Date.now(), certificatesIn(trust), known, this.#spans);
    const ca = bundleOf(...now.map(({ certificate }) => certificate));
    await this.#objects.publish(ca, { [annotation]: JSON.stringify(now.map(written)) }, signal);
  }

  /** Who signs: whoever did before, until everybody knows the one in the Secret. */
  #turn(given: Signer, known: readonly Known[]): Signer {
    const former = this.#signer;
    if (former === undefined || former.chain === given.chain) return given;
    const now = Date.now();
    const [own = ''] = certificatesIn(given.chain);
    const since = known.find(({ certificate }) => certificate === own)?.since;
    const isKnown = since !== undefined && now >= since + this.#spans.delayMs;
    if (!isKnown && now < former.validity.until) return former;
    this.#log.info({ validity: given.validity }, 'the authority in the Secret is another one, and signs from now on');
    return given;
  }

  async #given(signal: AbortSignal): Promise<{ signer: Signer; trust: string }> {
    const name = this.#objects.secretName;
    const secret = await this.#objects.secret(signal);
    const remedy = 'with --authority given somebody else has to make it, like a Certificate of cert-manager with isCA';
    if (secret === undefined) throw new Fault('InvalidArgument', `there is no Secret ${name}: ${remedy}`);
    try {
      const signer = openSigner(pairIn(secret.fields, 'tls'));
      return { signer, trust: bundleOf(signer.chain, secret.fields['ca.crt'] ?? '') };
    } catch (error) {
      const { message } = error as Error;
      throw new Fault('InvalidArgument', `Secret ${name} does not hold an authority: ${message}: ${remedy}`, {
        cause: error,
      });
    }
  }
}

function written({ certificate, since, until }: Known) {
  const sha256 = new X509Certificate(certificate).fingerprint256;
  const time = (at: number) => new Date(at).toISOString();
  return { sha256, since: time(since), ...(until !== undefined && { until: time(until) }) };
}

/** Of what others have put there, without a time, nothing is known but that it is trusted: it is kept for a while. */
function knownIn(map: Found<V1ConfigMap> | undefined): Known[] {
  const times = timesIn(map?.object.metadata?.annotations?.[annotation]);
  return certificatesIn(bundleOf(map?.fields['ca.crt'] ?? '')).map((certificate) => {
    const { fingerprint256 } = new X509Certificate(certificate);
    const time = times.find(({ sha256 }) => sha256 === fingerprint256);
    const until = time?.until === undefined ? undefined : Date.parse(time.until);
    return { certificate, since: time === undefined ? Date.now() : Date.parse(time.since), until };
  });
}

function timesIn(text: string | undefined): { sha256: string; since: string; until?: string }[] {
  try {
    return JSON.parse(text ?? '[]') as { sha256: string; since: string; until?: string }[];
  } catch {
    return [];
  }
}
