/**
 * One of several coordinators leads: the one whose name stands in a Lease and who renews it in time. Nobody's clock is
 * compared with anybody else's: a lease is over when it was not seen to change for as long as it says.
 *
 * A leader that cannot renew counts itself out well before others may count it out. What still comes to an agent from
 * one that lost meanwhile harms nothing: a source's journal takes one commit, from whoever comes first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type V1Lease, V1MicroTime } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import { bounded, apiFault, ifThere, type Kubernetes, statusOf } from '../cluster/kubernetes/client.ts';

export interface Times {
  leaseMs: number;
  renewDeadlineMs: number;
  retryMs: number;
}

const usualTimes: Times = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };
const leaseName = 'podferry-coordinator';
const callMs = 5_000;

export type Move = 'make' | 'take' | 'renew' | 'wait';

/**
 * What to do about a lease. Pure.
 * @param unchangedMs since it was first seen as it is now
 */
export function moveOf(lease: V1Lease | undefined, identity: string, unchangedMs: number): Move {
  if (lease === undefined) return 'make';
  const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {};
  if (holderIdentity === identity) return 'renew';
  return holderIdentity === '' || unchangedMs > leaseDurationSeconds * 1_000 ? 'take' : 'wait';
}

export class Leadership {
  readonly identity: string;
  /** Resolves once, when the lease is ours for the first time. */
  readonly won: Promise<void>;
  /** Resolves with why, when it was ours and is no more: then this process has to end. */
  readonly lost: Promise<Fault>;
  readonly #leases: Kubernetes['coordination'];
  readonly #namespace: string;
  readonly #times: Times;
  readonly #log: Logger;
  readonly #ends = new AbortController();
  readonly #winning = Promise.withResolvers<void>();
  readonly #losing = Promise.withResolvers<Fault>();
  #leader: string | undefined;
  /** Of our last renewal that arrived, from before it was sent. */
  #renewedAt: number | undefined;
  #seen: { version: string | undefined; at: number } = { version: undefined, at: performance.now() };
  #since: V1MicroTime = new V1MicroTime();
  #transitions = 0;
  #running: Promise<void> = Promise.resolve();
  #complained = false;

  constructor(
    { coordination }: Pick<Kubernetes, 'coordination'>,
    namespace: string,
    identity: string,
    log: Logger,
    times: Times = usualTimes,
  ) {
    this.identity = identity;
    this.#leases = coordination;
    this.#namespace = namespace;
    this.#times = times;
    this.#log = log.child({ lease: `${namespace}/${leaseName}`, identity });
    this.won = this.#winning.promise;
    this.lost = this.#losing.promise;
  }

  start(): void {
    this.#running = this.#run();
  }

  get leading(): boolean {
    return this.#renewedAt !== undefined && performance.now() - this.#renewedAt < this.#times.renewDeadlineMs;
  }

  /** @throws Fault NodeNotReady, which travels as UNAVAILABLE, with who is to be asked instead */
  admit(): void {
    if (this.leading) return;
    const other = this.#leader === this.identity ? undefined : this.#leader;
    const who = other === undefined ? 'nobody leads yet, try again' : `${other} leads, ask that one`;
    throw new Fault('NodeNotReady', `this coordinator (${this.identity}) does not lead: ${who}`);
  }

  /** Gives it away, so that nobody has to wait until it is over. */
  async close(): Promise<void> {
    const holds = this.leading;
    this.#ends.abort(new Fault('Cancelled', 'the coordinator is shutting down'));
    await this.#running;
    this.#renewedAt = undefined;
    if (!holds) return;
    const ends = new AbortController().signal;
    await this.#write('', ends).catch((error: unknown) =>
      this.#log.warn({ err: error }, 'the lease could not be given back, it ends by itself'),
    );
  }

  async #run(): Promise<void> {
    const { signal } = this.#ends;
    while (!signal.aborted) {
      const led = this.#renewedAt !== undefined;
      try {
        await this.#once(signal);
        this.#complained = false;
      } catch (error) {
        if (signal.aborted) return;
        // Somebody was quicker: the next look says who.
        if (statusOf(error) !== 409 && !this.#complained) {
          const { message } = apiFault(error, `taking or renewing the lease in ${this.#namespace}`);
          this.#log.warn({ leading: led }, message);
          this.#complained = true;
        }
      }
      if (led && !this.leading) {
        const why = this.#leader === this.identity ? 'it could not be renewed in time' : `${this.#leader} has it`;
        this.#losing.resolve(new Fault('NodeNotReady', `the lease was lost: ${why}`));
        return;
      }
      await sleep(this.#times.retryMs, undefined, { signal }).catch(() => {});
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const where = { namespace: this.#namespace, name: leaseName };
    const lease = await ifThere(this.#leases.readNamespacedLease(where, this.#bounded(signal)));
    const version = lease?.metadata?.resourceVersion;
    if (version !== this.#seen.version) this.#seen = { version, at: performance.now() };
    const move = moveOf(lease, this.identity, performance.now() - this.#seen.at);
    // Ours that somebody else holds by now is lost, also when that one does not renew it.
    if (move === 'make' || move === 'renew' || (move === 'take' && this.#renewedAt === undefined)) {
      await this.#hold(lease, signal);
      return;
    }
    this.#leader = lease?.spec?.holderIdentity;
    this.#renewedAt = undefined;
  }

  async #hold(lease: V1Lease | undefined, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const { spec } = lease ?? {};
    const isOurs = spec?.holderIdentity === this.identity;
    if (!isOurs) this.#since = new V1MicroTime();
    this.#transitions = (spec?.leaseTransitions ?? 0) + (lease === undefined || isOurs ? 0 : 1);
    await this.#write(this.identity, signal);
    this.#leader = this.identity;
    if (this.#renewedAt === undefined) this.#log.info('leads');
    this.#renewedAt = now;
    this.#winning.resolve();
  }

  /** Over the version that was seen last: of two who try at once the API server refuses one. */
  async #write(holderIdentity: string, signal: AbortSignal): Promise<void> {
    const spec = {
      holderIdentity,
      leaseDurationSeconds: Math.ceil(this.#times.leaseMs / 1_000),
      acquireTime: this.#since,
      renewTime: new V1MicroTime(),
      leaseTransitions: this.#transitions,
    };
    const { version } = this.#seen;
    const where = { namespace: this.#namespace, name: leaseName };
    const metadata = { ...where, ...(version !== undefined && { resourceVersion: version }) };
    const written =
      version === undefined
        ? await this.#leases.createNamespacedLease({ ...where, body: { metadata, spec } }, this.#bounded(signal))
        : await this.#leases.replaceNamespacedLease({ ...where, body: { metadata, spec } }, this.#bounded(signal));
    this.#seen = { version: written.metadata?.resourceVersion, at: performance.now() };
  }

  /** A call of a leader does not outlast what is left of its lead. */
  #bounded(signal: AbortSignal) {
    const left = (this.#renewedAt ?? performance.now()) + this.#times.renewDeadlineMs - performance.now();
    return bounded(signal, Math.max(1, Math.floor(Math.min(callMs, left))));
  }
}
