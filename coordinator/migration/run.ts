/**
 * Carries one migration to its end: decides, acts, learns from the answer, decides again. An answer is an observation,
 * so nothing is asked twice, and in the frozen time nothing is asked but what moves it on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { Agents } from '../agents/agents.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { type Decision, decide } from './decide.ts';
import { explain } from './ending.ts';
import {
  absentSource,
  absentTarget,
  again,
  type Answer,
  begin,
  type Facts,
  learn,
  miss,
  type SourceState,
  stop,
  type TargetState,
} from './observe.ts';
import type { Plan } from '../request.ts';
import type { Patience } from './patience.ts';
import { networkFor } from './preflight.ts';
import type { MigrationRecord } from './record.ts';
import { type Course, type Step, type StepName, steps } from './steps.ts';

/** Between two tries to move a pod that has lost its object. */
const longestRestMs = 15_000;

/** Agents that contradict themselves could keep us going round for ever; no course has as many steps. */
const mostDecisions = 1_000;

/** Whom a step asks: an agent, or the cluster for the source's object. */
type Side = 'source' | 'target' | 'name';

interface Trouble {
  since: number;
  times: number;
  fault: Fault;
}

type End = Extract<Decision, { kind: 'end' }>;

export class Run {
  readonly record: MigrationRecord;
  course: Course;
  readonly #world: { agents: Agents; cluster: Cluster };
  readonly #patience: Patience;
  readonly #log: Logger;
  #stopping = new AbortController();
  #tries = 1;
  /** Since when the source may have no object. */
  #detachedAt: number | undefined;
  #facts: Facts;
  #trouble: Partial<Record<Side, Trouble>> = {};
  readonly #enough = new AbortController();
  readonly #givenWay = Promise.withResolvers<void>();

  constructor(
    record: MigrationRecord,
    facts: Facts,
    world: { agents: Agents; cluster: Cluster; patience: Patience; log: Logger },
    manifest?: Course['manifest'],
  ) {
    const { plan } = record;
    this.record = record;
    this.#facts = facts;
    this.#world = world;
    this.#patience = world.patience;
    this.#log = world.log.child({ migration: plan.id });
    this.course = {
      plan,
      cluster: world.cluster,
      source: world.agents.get(plan.source_node),
      target: world.agents.get(plan.target_node),
      manifest,
      targetState: undefined,
      keepImages: false,
      record,
      lingering: {
        begun: () => {
          record.linger(true);
          this.#givenWay.resolve();
        },
        // However long it lasts, its agent may be away for a while again and again.
        heard: () => void delete this.#trouble.source,
        over: () => record.linger(false),
        enough: this.#enough.signal,
      },
    };
    record.setCommitted(facts.commit === 'given');
  }

  /** Aborted when it is to go back. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /**
   * Takes it back, with the reason that people will see.
   * @returns false when it is too late: committed, or about to; or without its object
   */
  stop(why: Fault): boolean {
    if (this.record.ended || (this.#facts.commit !== 'unasked' && this.#facts.stop === undefined)) return false;
    // One that has lost its object has nothing to go back to.
    if (this.#facts.commit === 'given' || this.#facts.detached !== 'no') return false;
    this.#goBack(why);
    return true;
  }

  /** Resolves when only connections are left of it: others may have what it holds. */
  get givenWay(): Promise<void> {
    return this.#givenWay.promise;
  }

  /** @returns false when it does not wait for connections */
  endLinger(why: Fault): boolean {
    if (!this.record.lingering) return false;
    this.#enough.abort(why);
    return true;
  }

  /** Preflight is old: the pod had to wait for its turn. */
  forgetPreflight(): void {
    this.#facts = { ...this.#facts, checked: false };
  }

  /** @param halt leaves everything as it is; whoever starts next carries on from the agents' journals */
  async toEnd(halt: AbortSignal): Promise<End> {
    if (this.#facts.stop === undefined) this.record.advance('Preparing');
    for (let decided = 0; ; decided += 1) {
      halt.throwIfAborted();
      const decision: Decision =
        decided < mostDecisions
          ? decide(this.#withPatience())
          : { kind: 'end', phase: 'Failed', failure: 'impossible' };
      switch (decision.kind) {
        case 'do':
          await this.#pause(decision.steps, halt);
          await Promise.all(decision.steps.map((step) => this.#take(step, halt)));
          break;
        case 'stop':
          this.#goBack(new Fault(decision.reason, decision.message));
          break;
        case 'again':
          // Tries are bounded by time.
          decided = 0;
          await this.#again(halt);
          break;
        case 'end':
          return this.#end(decision);
      }
    }
  }

  async #again(halt: AbortSignal): Promise<void> {
    const { agents } = this.#world;
    const { stop: stopped, detached } = this.#facts;
    const { reason, message } = stopped ?? new Fault('Internal', 'it was stopped without a reason');
    this.#tries += 1;
    this.#log.warn({ try: this.#tries, detached, reason }, message);
    const rest = Math.min(this.#patience.longestPauseMs * 2 ** (this.#tries - 2), longestRestMs);
    await sleep(rest, undefined, { signal: halt }).catch(() => halt.throwIfAborted());
    const plan = await this.#planAgain(halt).catch((error: unknown) => {
      halt.throwIfAborted();
      // The next try may find it different.
      this.#log.warn({ err: error }, 'no other node can be chosen now');
      return this.course.plan;
    });
    const course = { plan, target: agents.get(plan.target_node), manifest: undefined, targetState: undefined };
    this.course = { ...this.course, ...course, keepImages: false };
    const where = `the pod runs on at ${plan.source_node}, kept alive without its object`;
    this.record.again(plan, { reason, message: `${message}; ${where}: try ${this.#tries}` });
    this.#facts = again(this.#facts);
    this.#trouble = {};
    this.#stopping = new AbortController();
  }

  async #planAgain(halt: AbortSignal): Promise<Plan> {
    const { cluster, agents } = this.#world;
    const { plan: before } = this.course;
    const plan = await cluster.planAgain(this.course, halt);
    if (plan.target_node === before.target_node || before.network_reason === '') return plan;
    const wish = { network: 'NETWORK_UNSPECIFIED', connectionLingerMs: plan.connection_linger_ms } as const;
    const { network, network_reason } = await networkFor(wish, plan, agents, cluster, halt);
    return { ...plan, network, network_reason };
  }

  #withPatience(): Facts {
    const limit = this.#facts.commit === 'unasked' ? this.#patience.rollBackMs : this.#patience.forwardMs;
    const left = (side: Side) => performance.now() - (this.#trouble[side]?.since ?? Number.POSITIVE_INFINITY) < limit;
    const { heldMs } = this.#patience;
    const timeLeft = this.#detachedAt === undefined || performance.now() - this.#detachedAt < heldMs;
    return {
      ...this.#facts,
      timeLeft,
      patience: { source: left('source'), target: left('target'), name: left('name') },
    };
  }

  async #pause(names: readonly StepName[], halt: AbortSignal): Promise<void> {
    const times = Math.max(...names.map((name) => this.#trouble[sideOf(name)]?.times ?? 0));
    if (times === 0) return;
    const { firstPauseMs, longestPauseMs } = this.#patience;
    const ms = Math.min(firstPauseMs * 2 ** (times - 1), longestPauseMs);
    await sleep(ms, undefined, { signal: halt }).catch(() => halt.throwIfAborted());
  }

  async #take(name: StepName, halt: AbortSignal): Promise<void> {
    const step = steps[name];
    if (step.phase !== undefined) this.record.advance(step.phase);
    this.#facts = begin(this.#facts, name);
    if (this.#facts.detached !== 'no') this.#detachedAt ??= performance.now();
    this.course.keepImages = this.#facts.commit === 'given' || this.#facts.commit === 'revoked';
    const signal = step.interruptible ? AbortSignal.any([halt, this.#stopping.signal]) : halt;
    const since = performance.now();
    try {
      const answer = await this.#ask(name, signal);
      this.#settle(name, learn(this.#facts, name, answer));
      if (!isObservation(name)) delete this.#trouble[sideOf(name)];
      if (answer.of === 'target' && answer.state.step === 'RestoreFailed')
        this.#failedRestore(answer.state.fault?.message);
      this.#log.debug({ step: name, ms: performance.now() - since }, 'step done');
    } catch (error) {
      halt.throwIfAborted();
      this.#missed(name, Fault.from(error, 'Internal', name));
    } finally {
      this.record.moved();
    }
  }

  async #ask(name: StepName, signal: AbortSignal): Promise<Answer> {
    const step = steps[name];
    if (step.of === 'preflight' || step.of === 'cutOver') {
      await step.act(this.course, signal);
      return { of: step.of };
    }
    if (step.of === 'name') {
      const detached = await step.act(this.course, signal);
      if (detached === 'begun') throw new Fault('Internal', `${name} left it half done`);
      return { of: 'name', detached };
    }
    const state = await orAbsent(step, step.act(this.course, signal), this.course.plan.id);
    this.record.saw(state);
    const allowed: readonly string[] = step.expects;
    if (!allowed.includes(state.step)) {
      const agent = this.course[step.of];
      const fault = state.fault === null ? '' : `: ${state.fault.message}`;
      throw new Fault(
        'Internal',
        `${name} on ${agent.node} left it ${state.step}, not ${allowed.join(' or ')}${fault}`,
      );
    }
    // Each arm has its own state, which is what `of` says.
    const answer = { of: step.of, state } as Answer;
    if (answer.of === 'target') this.course.targetState = answer.state;
    return answer;
  }

  /** A new set of facts, and what follows from the commit's having come or gone. */
  #settle(name: StepName, facts: Facts): void {
    const before = this.#facts.commit;
    this.#facts = facts;
    if (facts.commit === before) return;
    this.record.setCommitted(facts.commit === 'given');
    if (facts.commit === 'revoked') {
      const why =
        this.#trouble.target?.fault ??
        new Fault('RestoreFailed', `${this.course.plan.target_node} could not restore the pod`);
      this.#facts = { ...facts, stop: why };
    }
    if (name !== 'commit') this.#log.info({ step: name, commit: facts.commit }, 'commit settled');
    this.#trouble = facts.commit === 'revoked' ? this.#trouble : {};
  }

  #missed(name: StepName, fault: Fault): void {
    const step = steps[name];
    const { stop: stopped, commit } = this.#facts;
    const ahead = stopped === undefined && (commit === 'unasked' || name === 'commit');
    this.#facts = miss(this.#facts, name, step.of, fault);
    // Going ahead, the first fault turns it back; on every other way the step is taken again.
    if (ahead) return this.#goBack(fault);
    if (this.stopping.aborted && step.interruptible) return;
    const side = sideOf(name);
    const { since = performance.now(), times = 0 } = this.#trouble[side] ?? {};
    this.#trouble[side] = { since, times: times + 1, fault };
    this.#log.warn({ step: name, reason: fault.reason, times: times + 1 }, fault.message);
    if (times === 0) this.record.note(`${fault.message}; asking again`);
  }

  #failedRestore(message: string | undefined): void {
    const why = `${this.course.plan.target_node} could not restore the pod: ${message ?? 'it did not say why'}`;
    const fault = new Fault('RestoreFailed', why);
    this.#trouble.target = { since: performance.now(), times: 0, ...this.#trouble.target, fault };
    if (this.#facts.commit === 'revoked') this.#facts = { ...this.#facts, stop: fault };
  }

  #goBack(why: Fault): void {
    if (this.#facts.stop !== undefined) return;
    this.#facts = stop(this.#facts, why);
    this.#trouble = {};
    this.#log.warn({ reason: why.reason }, why.message);
    this.record.rollBack({ reason: why.reason, message: why.message });
    this.#stopping.abort(why);
  }

  #end(end: End): End {
    const { plan, targetState } = this.course;
    const { source, target, name } = this.#trouble;
    const trouble = { source: source?.fault, target: target?.fault, name: name?.fault };
    const outcome = explain(end, { plan, facts: this.#facts, trouble, images: targetState?.images ?? '' });
    if (this.record.ended)
      this.record.amend(outcome?.message ?? `carried to its end, the pod runs on ${plan.target_node}`);
    else this.record.end(end.phase, outcome);
    this.#log.info(
      { phase: end.phase, reason: outcome?.reason, source: this.#facts.source, target: this.#facts.target },
      outcome?.message ?? 'ended',
    );
    return end;
  }
}

/** An agent that has no such migration has nothing of it, which is an answer where that can be. */
async function orAbsent(
  step: Step,
  asked: Promise<SourceState | TargetState>,
  id: string,
): Promise<SourceState | TargetState> {
  try {
    return await asked;
  } catch (error) {
    const allowed: readonly string[] = step.expects;
    if (!(error instanceof Fault && error.reason === 'MigrationNotFound' && allowed.includes('Absent'))) throw error;
    return step.of === 'source' ? absentSource(id) : absentTarget(id);
  }
}

function sideOf(name: StepName): Side {
  const { of } = steps[name];
  return of === 'source' || of === 'name' ? of : 'target';
}

function isObservation(name: StepName): boolean {
  return name === 'observeSource' || name === 'observeTarget';
}
