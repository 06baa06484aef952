/**
 * A migration as people see it: built from what happens, in order, and told to whoever listens. Listeners hear of it
 * a moment later, never in the middle of a step: between freeze and restore nobody waits for somebody's log line.
 */
import { setTimeout as later } from 'node:timers';
import { isDeepStrictEqual } from 'node:util';
import { isEnd, mayFollow, type EndPhase, type Phase, phases } from '../../proto/phases.ts';
import type { Reason } from '../../proto/fault.ts';
import type { Connections__Output as Connections } from '../../proto/gen/podferry/v1/Connections.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import type { Moment__Output as Moment } from '../../proto/gen/podferry/v1/Moment.ts';
import type { Progress__Output as Progress } from '../../proto/gen/podferry/v1/Progress.ts';
import type { Plan } from '../request.ts';
import type { SourceState, TargetState } from './observe.ts';

export interface Outcome {
  reason: Reason;
  message: string;
}

export type Listener = (migration: Migration, message: string) => void;

/** Bytes that moved are told at most this often. */
const progressIntervalMs = 100;

/** Connections come and go all the time; that is told at most this often. */
const connectionsIntervalMs = 1_000;

/** Less is no base for a forecast. */
const forecastAfterMs = 50;

/** A busy machine delays what is seen here by as much. */
const leastSkewMs = 100;

interface Begun {
  phase: Phase;
  at: number;
}

export class MigrationRecord {
  /** Another try may go to another node. */
  plan: Plan;
  readonly created: number;
  readonly #clock: () => number;
  #begun: Begun[];
  readonly #moments = new Map<string, Moment>();
  readonly #listeners = new Set<Listener>();
  #outcome: Outcome | undefined;
  #endedAt: number | undefined;
  #committed = false;
  /** The ends of the freeze, as they were heard of here. */
  #seen: { dumping?: number; restored?: number } = {};
  #targetIp = '';
  #targetSandboxId = '';
  /** Of the calls that are over. */
  #bytesBefore = 0;
  #moving: { since: number; done: number; total: number } | undefined;
  #lingering = false;
  #connections: Connections | undefined;
  #connectionsToldAt = Number.NEGATIVE_INFINITY;
  #notes: string[] = [];
  #telling: NodeJS.Immediate | undefined;
  #tellingLater: NodeJS.Timeout | undefined;

  /** @param clock milliseconds since the epoch */
  constructor(plan: Plan, clock: () => number = () => performance.timeOrigin + performance.now()) {
    this.plan = plan;
    this.#clock = clock;
    this.created = clock();
    this.#begun = [{ phase: 'Pending', at: this.created }];
  }

  get phase(): Phase {
    return this.#begun.at(-1)?.phase ?? 'Pending';
  }

  get ended(): boolean {
    return isEnd(this.phase);
  }

  get committed(): boolean {
    return this.#committed;
  }

  /** Nothing is left of it but connections that go by way of the source. */
  get lingering(): boolean {
    return this.#lingering;
  }

  /** Connections are all that it still waits for. */
  get keepsConnections(): boolean {
    const { kept = 0, forwarded = 0 } = this.#connections ?? {};
    return this.#lingering && kept + forwarded > 0;
  }

  /** Goes on to a phase, through those between that took no time of their own. Back is no way. */
  advance(to: Phase): void {
    if (this.ended || isEnd(to) || phases.indexOf(to) <= phases.indexOf(this.phase)) return;
    const at = this.#clock();
    while (this.phase !== to) {
      const next = phases[phases.indexOf(this.phase) + 1] as Phase;
      this.#enter(next, at);
    }
  }

  progress({ phase, bytes_done, bytes_total, moment, state }: Progress): void {
    // Further than that no agent can know: it takes the commit.
    if (phase === 'PreCopying' || phase === 'Freezing' || phase === 'Dumping' || phase === 'Transferring')
      this.advance(phase);
    if (phase === 'Dumping') this.#seen.dumping ??= this.#clock();
    if (moment !== null) this.#remember(moment);
    if (state !== null) this.saw(state);
    const done = Math.max(Number(bytes_done), this.#moving?.done ?? 0);
    const total = Math.max(Number(bytes_total), done, this.#moving?.total ?? 0);
    this.#moving = { since: this.#moving?.since ?? this.#clock(), done, total };
    this.#tellingLater ??= later(() => this.#tell(), progressIntervalMs).unref();
  }

  /** The call that moved bytes is over, well or not. */
  moved(): void {
    this.#bytesBefore += this.#moving?.done ?? 0;
    this.#moving = undefined;
  }

  linger(begins: boolean): void {
    this.#lingering = begins && !this.ended;
  }

  /** That still go by way of the source. */
  connections(now: Connections): void {
    const before = this.#connections;
    this.#connections = now;
    if (before !== undefined && isDeepStrictEqual(before, now)) return;
    if (this.#tellingLater !== undefined) return;
    const waitMs = Math.max(0, this.#connectionsToldAt + connectionsIntervalMs - this.#clock());
    this.#connectionsToldAt = this.#clock() + waitMs;
    this.#tellingLater = later(() => this.#tell(), waitMs).unref();
  }

  saw(state: SourceState | TargetState): void {
    for (const moment of state.moments) this.#remember(moment);
    if ('dumped_bytes' in state && this.#moving?.done === 0) this.#moving.done = Number(state.dumped_bytes);
    if ('connections' in state && state.connections !== null) this.connections(state.connections);
    if ('pod_ip' in state) {
      if (state.step === 'Running') this.#seen.restored ??= this.#clock();
      this.#targetIp = state.pod_ip || this.#targetIp;
      this.#targetSandboxId = state.sandbox_id || this.#targetSandboxId;
    }
  }

  /** A moment that no node knows of, by this machine's clock. Seen again, it is not a new one. */
  mark(name: string): void {
    this.#remember({ name, unix_ms: this.#clock() });
  }

  setCommitted(committed: boolean): void {
    this.#committed = committed;
    if (!committed || this.ended) return;
    // It may have been on its way back, as long as nobody knew of the commit.
    this.#outcome = undefined;
    this.advance('Restoring');
  }

  /** Tells that it is there, before anything has happened to it. */
  announce(): void {
    this.#tellSoon();
  }

  /** Something that a person who watches wants to know, and that no field says. */
  note(message: string): void {
    this.#notes.push(message);
    this.#tellSoon();
  }

  /** On its way back; what it ends with comes at the end. */
  rollBack(why: Outcome): void {
    if (this.ended) return;
    this.#outcome = why;
    this.note(`rolling back: ${why.message}`);
  }

  /** One that cannot go back begins anew. Its preparation has lasted since the first try; what came after that is void. */
  again(plan: Plan, why: Outcome): void {
    if (this.ended) return;
    this.moved();
    this.plan = plan;
    this.#begun = this.#begun.filter(({ phase }) => phase === 'Pending' || phase === 'Preparing');
    this.#moments.clear();
    this.#seen = {};
    this.#outcome = why;
    this.note(`trying again: ${why.message}`);
  }

  /** @param outcome of RolledBack and Failed: why */
  end(phase: EndPhase, outcome?: Outcome): void {
    if (this.ended) return;
    this.moved();
    this.#lingering = false;
    if (phase === 'Succeeded') this.#connections = over(this.#connections);
    this.#outcome = outcome;
    // Succeeded has all phases behind it, also for a coordinator that came to the last of them only.
    if (phase === 'Succeeded') this.advance('Completing');
    if (phase === 'Failed' && this.phase === 'Pending') this.advance('Preparing');
    this.#enter(phase, this.#clock());
    this.#endedAt = this.#begun.at(-1)?.at;
  }

  /** Of one that has ended: what became known since. */
  amend(message: string): void {
    // Said once, however often it is found again.
    if (this.#outcome === undefined || this.#outcome.message.endsWith(message)) return;
    this.#outcome = { ...this.#outcome, message: `${this.#outcome.message}; since then: ${message}` };
    this.note(message);
  }

  /** @returns what ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  snapshot(): Migration {
    const now = this.#endedAt ?? this.#clock();
    const course = this.#begun.filter(({ phase }) => !isEnd(phase));
    return {
      id: this.plan.id,
      plan: this.plan,
      phase: this.phase,
      outcome: this.#outcome ?? null,
      phases: course.map(({ phase, at }, index) => ({
        phase,
        started_unix_ms: at,
        duration_ms: (course[index + 1]?.at ?? now) - at,
      })),
      moments: [...this.#moments.values()].sort((a, b) => a.unix_ms - b.unix_ms),
      freeze_ms: this.#freeze(),
      total_ms: now - this.created,
      bytes_done: String(this.#bytesBefore + (this.#moving?.done ?? 0)),
      bytes_total: String(this.#bytesBefore + (this.#moving?.total ?? 0)),
      eta_ms: this.#forecast(now),
      target_ip: this.#targetIp,
      target_sandbox_id: this.#targetSandboxId,
      committed: this.#committed,
      created_unix_ms: this.created,
      connections: this.#connections ?? null,
    };
  }

  #enter(phase: Phase, at: number): void {
    if (!mayFollow(this.phase, phase)) throw new Error(`${this.plan.id} cannot go from ${this.phase} to ${phase}`);
    this.#begun.push({ phase, at });
    this.#tellSoon();
  }

  /** An agent says the same moments again with every state; the first word counts. */
  #remember(moment: Moment): void {
    if (!this.#moments.has(moment.name)) this.#moments.set(moment.name, moment);
  }

  /**
   * Between two moments, because they are exact; but they are of two nodes. When their clocks differ by more than what
   * was measured here, what was measured here is nearer to the truth.
   */
  #freeze(): number {
    const frozen = this.#moments.get('frozen');
    const running = this.#moments.get('running');
    if (frozen === undefined || running === undefined) return 0;
    const exact = running.unix_ms - frozen.unix_ms;
    const { dumping, restored } = this.#seen;
    if (dumping === undefined || restored === undefined) return Math.max(0, exact);
    const seen = restored - dumping;
    return Math.abs(exact - seen) > Math.max(seen, leastSkewMs) ? seen : exact;
  }

  #forecast(now: number): number {
    if (this.#moving === undefined) return -1;
    const { since, done, total } = this.#moving;
    const spent = now - since;
    // A total that is not ahead of what is done was not known.
    return done <= 0 || total <= done || spent < forecastAfterMs ? -1 : ((total - done) * spent) / done;
  }

  #tellSoon(): void {
    this.#telling ??= setImmediate(() => this.#tell());
  }

  #tell(): void {
    clearImmediate(this.#telling);
    clearTimeout(this.#tellingLater);
    this.#telling = undefined;
    this.#tellingLater = undefined;
    const migration = this.snapshot();
    const notes = this.#notes.splice(0);
    for (const listener of this.#listeners) {
      for (const note of notes.length > 0 ? notes : ['']) listener(migration, note);
    }
  }
}

/** Of a source that is gone: what went through it is all there is to tell. */
function over(connections: Connections | undefined): Connections | undefined {
  return connections === undefined ? undefined : { ...connections, kept: 0, forwarded: 0, oldest_unix_ms: 0 };
}
