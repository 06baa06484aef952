/** An authority of our own, in a Secret that whichever coordinator comes first makes; the leader has it follow itself. */
import type { Logger } from 'pino';
import { bundleOf } from '../../proto/bundle.ts';
import { Fault } from '../../proto/fault.ts';
import type { Authority, Present } from './authority.ts';
import { makeAuthority, openSigner } from './certificate.ts';
import { begin, type Dated, decide, prepare, type Spans, type Standing, trusted, validityAt } from './decide.ts';
import type { Objects } from './objects.ts';
import { fieldsOf, standingOf } from './secret.ts';

/** More than one authority takes from its announcement to its turn. */
const mostSteps = 8;

export class OwnAuthority implements Authority {
  readonly #objects: Objects;
  readonly #spans: Spans;
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  /** As it was read or written last. */
  #last: Standing | undefined;

  constructor(objects: Objects, spans: Spans, log: Pick<Logger, 'info' | 'warn'>) {
    this.#objects = objects;
    this.#spans = spans;
    this.#log = log;
  }

  async read(signal: AbortSignal): Promise<Present> {
    const { standing } = await this.#found(signal);
    const { present } = standing;
    return {
      signer: openSigner(present),
      certificateMs: Math.min(this.#spans.certificateMs, present.longestMs),
      trust: bundleOf(...trusted(standing)),
    };
  }

  async tend(signal: AbortSignal): Promise<void> {
    for (let step = 0; step < mostSteps; step += 1) {
      const { standing, secret } = await this.#found(signal);
      // Before anything is decided: what is decided supposes that everybody can know what stands there.
      if (!(await this.#objects.publish(bundleOf(...trusted(standing)), {}, signal))) return;
      const next = await this.#after(standing);
      if (next === undefined || !(await this.#objects.writeSecret(secret, fieldsOf(next), signal))) return;
      this.#last = next;
    }
  }

  async #after(standing: Standing): Promise<Standing | undefined> {
    const now = Date.now();
    const move = decide(now, standing, this.#spans);
    if (move.kind === 'wait') return undefined;
    const what = move.kind === 'write' ? move.what : move.kind;
    this.#log.info({ step: what, present: standing.present.validity }, told[what]);
    if (move.kind === 'write') return move.standing;
    const made = await this.#make(now);
    return move.kind === 'make' ? begin(now, standing, made, this.#spans) : prepare(standing, made);
  }

  async #found(signal: AbortSignal) {
    for (;;) {
      const secret = await this.#objects.secret(signal);
      if (secret !== undefined) {
        const standing = standingOf(secret.fields, this.#objects.secretName);
        this.#last = standing;
        return { standing, secret: secret.object };
      }
      const now = Date.now();
      // One that somebody has deleted is put back: nobody trusts another one yet.
      const standing = this.#last ?? begin(now, undefined, await this.#make(now), this.#spans);
      const name = this.#objects.secretName;
      if (await this.#objects.writeSecret(undefined, fieldsOf(standing), signal))
        this.#log.info({ secret: name }, this.#last === undefined ? told.make : 'its Secret was gone: put back');
      signal.throwIfAborted();
    }
  }

  async #make(now: number): Promise<Dated> {
    const pair = await makeAuthority(validityAt(now, this.#spans));
    return { ...pair, validity: openSigner(pair).validity };
  }
}

const told = {
  make: 'a new authority was made: there was none that is good for anything',
  prepare: 'the authority that follows was made, and is announced now',
  lengthen: 'certificates may live longer from now on',
  announced: 'the authority that follows is in what is to be trusted',
  turn: 'the authority that was announced signs from now on, the former one’s key is gone',
  forget: 'all certificates of a former authority are over: it is trusted no more',
} as const;

/** @throws Fault InvalidArgument */
export function checkSpans({ authorityMs, certificateMs, delayMs }: Spans): void {
  // Two thirds of it are over when the next one is made: the last third has to do for all that follows.
  if (authorityMs >= 3 * (certificateMs + delayMs)) return;
  const least = 'three times --certificate-lifetime and --trust-delay together, or it ends while it is being replaced';
  throw new Fault('InvalidArgument', `--authority-lifetime: has to be at least ${least}`);
}
