/**
 * An agent that gets its certificate from the coordinator, and another one in time. What it has stays in a directory for
 * its next life, and works on as long as it is good, whatever the coordinator says.
 *
 * Whom to trust comes from two places, both of which may be late: the file, by way of kubelet, and the coordinator's
 * last answer. What either of them says is trusted; what neither says any more is not.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { bundleOf, requireAuthorities } from '../../proto/bundle.ts';
import { Fault } from '../../proto/fault.ts';
import { directorySource, type Files, type Source } from '../../proto/source.ts';
import { ask, type Asked } from './ask.ts';
import { check, read, type Usable, write } from './held.ts';
import { makeRequest } from './request.ts';

export interface EnrolmentOptions extends Asked {
  node: string;
  /** Whom to trust, as kubelet brings it. */
  caFile: string;
  /** Where ca.crt, tls.crt and tls.key go. */
  tlsDir: string;
}

/** Milliseconds. */
export interface Pace {
  firstPauseMs: number;
  longestPauseMs: number;
  /** Between two looks at the file, and at the clock; less for a certificate that does not live long. */
  lookMs: number;
}

const usualPace: Pace = { firstPauseMs: 1_000, longestPauseMs: 30_000, lookMs: 5_000 };

export class Enrolment implements Source {
  readonly where: string;
  readonly #options: EnrolmentOptions;
  readonly #pace: Pace;
  readonly #log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly #files: Source;
  readonly #listeners = new Set<() => void>();
  #held: Usable;
  /** What the file said when it was last good, and what the coordinator said last. */
  #said: { file: string; answer: string };
  /** Whether the file has said something since the coordinator was asked last. */
  #isStale = false;
  readonly #complaints = new Map<string, string>();

  private constructor(
    options: EnrolmentOptions,
    log: Pick<Logger, 'info' | 'warn' | 'error'>,
    pace: Pace,
    held: Usable,
    said: { file: string; answer: string },
  ) {
    this.#options = options;
    this.#pace = pace;
    this.#log = log;
    this.#held = held;
    this.#said = said;
    this.where = options.tlsDir;
    this.#files = directorySource(options.tlsDir, pace.lookMs);
  }

  /** Waits for a coordinator that is not there yet, or does not know us yet. @throws the signal's reason */
  static async open(
    options: EnrolmentOptions,
    log: Pick<Logger, 'info' | 'warn' | 'error'>,
    signal: AbortSignal,
    pace: Pace = usualPace,
  ): Promise<Enrolment> {
    const left = leftOver(options);
    if (left !== undefined) {
      log.info({ validTo: new Date(left.until) }, 'has a certificate from its last life');
      return new Enrolment(options, log, pace, left, { file: '', answer: left.trust });
    }
    for (let pause = pace.firstPauseMs; ; pause = Math.min(pause * 2, pace.longestPauseMs)) {
      try {
        const file = fileOf(options);
        const { held, answer } = await obtain(options, file);
        write(options.tlsDir, held);
        log.info({ validTo: new Date(held.until) }, 'has its certificate');
        return new Enrolment(options, log, pace, held, { file, answer });
      } catch (error) {
        signal.throwIfAborted();
        const { reason, message } = Fault.from(error, 'Internal');
        log.warn({ reason, retryMs: pause }, `waits for a certificate: ${message}`);
      }
      await sleep(spread(pause), undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  }

  read(): Files {
    return this.#files.read();
  }

  watch(look: () => void): () => void {
    this.#listeners.add(look);
    return () => this.#listeners.delete(look);
  }

  /** Renews in time, and when the file says something else; until the signal, never throws. */
  async keep(signal: AbortSignal): Promise<void> {
    let [pause, tryAt] = [this.#pace.firstPauseMs, 0];
    while (!signal.aborted) {
      const { from, until } = this.#held;
      await sleep(Math.min(this.#pace.lookMs, Math.max(50, (until - from) / 20)), undefined, { signal }).catch(
        () => {},
      );
      if (signal.aborted) return;
      if (this.#hasNews()) tryAt = 0;
      // A file that has changed may be ahead of the last answer: then that is asked for again.
      const isTime = this.#isStale || Date.now() >= from + ((until - from) * 2) / 3;
      if (!isTime || performance.now() < tryAt) continue;
      try {
        await this.#renew();
        [pause, tryAt] = [this.#pace.firstPauseMs, 0];
      } catch (error) {
        tryAt = performance.now() + spread(pause);
        pause = Math.min(pause * 2, this.#pace.longestPauseMs);
        this.#complain('renewal', error);
      }
    }
  }

  /** Whether the file says something else than before: that is trusted at once. */
  #hasNews(): boolean {
    try {
      const file = fileOf(this.#options);
      if (file === this.#said.file) return false;
      this.#said.file = file;
      this.#isStale = true;
      this.#take({ ...this.#held, trust: bundleOf(file, this.#said.answer) });
      this.#log.info('whom to trust has changed');
      this.#complaints.delete('file');
      return true;
    } catch (error) {
      this.#complain('file', error);
      return false;
    }
  }

  async #renew(): Promise<void> {
    const { held, answer } = await obtain(this.#options, this.#said.file, this.#held.trust);
    this.#said.answer = answer;
    this.#isStale = false;
    this.#complaints.delete('renewal');
    this.#take(held);
    this.#log.info({ validTo: new Date(held.until) }, 'has its next certificate');
  }

  #take(held: Usable): void {
    write(this.#options.tlsDir, held);
    this.#held = held;
    for (const listener of this.#listeners) listener();
  }

  /** Once for each trouble, not for each look. */
  #complain(about: 'file' | 'renewal', error: unknown): void {
    const { reason, message } = Fault.from(error, 'Internal');
    const validTo = new Date(this.#held.until);
    const isOver = validTo.getTime() <= Date.now();
    const kept = isOver ? 'its certificate is over, nobody lets it in any more' : 'kept the certificate there is';
    const said = `${kept}: ${message}`;
    if (this.#complaints.get(about) !== said) this.#log[isOver ? 'error' : 'warn']({ reason, validTo }, said);
    this.#complaints.set(about, said);
  }
}

/** @param trust what else is trusted already */
async function obtain(
  options: EnrolmentOptions,
  file: string,
  trust = file,
): Promise<{ held: Usable; answer: string }> {
  const { key, request } = await makeRequest();
  const reply = await ask(request, options, trust);
  try {
    const held = { key, certificate: reply.certificate, trust: bundleOf(file, reply.trust) };
    return { held: check(held, options.node, Date.now()), answer: reply.trust };
  } catch (error) {
    throw Fault.from(error, 'Internal', `what the coordinator at ${options.authority} gave cannot be used`);
  }
}

function leftOver({ tlsDir, node }: EnrolmentOptions): Usable | undefined {
  try {
    return read(tlsDir, node, Date.now());
  } catch {
    // Nothing yet, or nothing that is good any more.
    return undefined;
  }
}

/** @throws Fault */
function fileOf({ caFile }: EnrolmentOptions): string {
  try {
    const bundle = bundleOf(readFileSync(caFile, 'utf8'));
    requireAuthorities(bundle, caFile);
    return bundle;
  } catch (error) {
    throw Fault.from(error, 'InvalidArgument', `nobody is trusted yet: ${caFile} cannot be used`);
  }
}

/** Not all agents of a cluster at once. */
function spread(ms: number): number {
  return ms * (0.8 + Math.random() * 0.4);
}
