/**
 * One checkpoint: the source's half of a migration, whose other half may come later, or never. The pod stays: it stands
 * still while it is dumped and the last of its files are read, and runs on while the images are written.
 */
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { SourceState__Output as SourceState } from '../../proto/gen/podferry/v1/SourceState.ts';
import { type Agent, unlessGone } from '../agents/agent.ts';
import type { Agents } from '../agents/agents.ts';
import type { Patience } from '../migration/patience.ts';
import type { Plan } from '../request.ts';
import type { Work } from './active.ts';
import { type CourseStep, inOrder, insist } from './course.ts';
import { erase } from './erase.ts';
import { examine, type Leaving, type Wish } from './examine.ts';
import type { Taken } from './status.ts';
import type { World } from './world.ts';

interface Course {
  plan: Plan;
  source: Agent;
  agents: Agents;
  timeoutMs: number;
  patience: Patience;
  log: Logger;
  /** From the last step of the source on. */
  state?: SourceState;
  directory: string;
}

const unheard = () => {};

const steps: readonly CourseStep<Course>[] = [
  {
    name: 'prepareSource',
    async act({ source, plan }, signal) {
      await source.call('PrepareSource', { plan, data_address: '', token: '' }, signal);
    },
    // The pod first.
    async undo({ source, plan, agents, patience }, signal) {
      const rollBack = async () =>
        await source.call('RollBackSource', { migration: plan.id }, signal).catch(unlessGone);
      const answer = insist(rollBack, patience, patience.rollBackMs, signal);
      await answer.catch(() => signal.throwIfAborted());
      await erase(agents, plan.id, plan.source_node, signal);
      await answer;
    },
  },
  {
    name: 'copyAhead',
    async act({ source, plan }, signal) {
      await source.follow('CopyAhead', { migration: plan.id }, unheard, signal);
    },
  },
  {
    name: 'arm',
    async act({ source, plan }, signal) {
      await source.call('Arm', { migration: plan.id, target_ips: [] }, signal);
    },
  },
  {
    name: 'freezeAndSend',
    async act(course, signal) {
      const { source, plan, timeoutMs } = course;
      // How long it stands still is bounded by its own watchdog; writing takes what it takes.
      course.state = await source.follow('FreezeAndSend', { migration: plan.id }, unheard, signal, timeoutMs);
    },
  },
  {
    // Under its name, and whole so far as one look can tell.
    name: 'readCheckpoint',
    async act(course, signal) {
      const { source, plan, state } = course;
      const ref = { id: plan.id, digest: state?.checkpoint?.digest ?? '' };
      course.directory = (await source.call('ReadCheckpoint', ref, signal)).directory;
    },
  },
  {
    // It runs already; what is left on its node is removed when its agent answers, at the latest by a sweep.
    name: 'release',
    insists: true,
    async act({ source, plan, patience, log }, signal) {
      const release = async () => await source.call('RollBackSource', { migration: plan.id }, signal).catch(unlessGone);
      await insist(release, patience, patience.rollBackMs, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        log.warn({ err: error }, 'the checkpoint is there, but its node has something left of it');
      });
    },
  },
];

export type Outcome = { taken: Taken } | { fault: Fault; isGone: boolean };

/** @param begun awaited before anything is touched: from then on something may be left of it */
export async function take(
  wish: Wish,
  world: World,
  { at, stop, halt }: Work,
  begun: (leaving: Leaving) => Promise<void>,
): Promise<Outcome> {
  const { queue, agents, patience } = world;
  const log = world.log.child({ migration: wish.id });
  const late = new AbortController();
  const ends = { stop: AbortSignal.any([stop, late.signal]), halt };
  let timer: NodeJS.Timeout | undefined;
  let claim: ReturnType<typeof queue.claim> | undefined;
  try {
    claim = queue.claim(`${wish.namespace}/${wish.pod}`, wish.id);
    const leaving = await examine(wish, world, AbortSignal.any([stop, halt]));
    const { plan, manifest } = leaving;
    const node = plan.source_node;
    await begun(leaving);
    await queue.turn(plan.id, [node], AbortSignal.any([stop, halt]));
    at(node);
    const { timeoutMs } = wish;
    const why = new Fault('DeadlineExceeded', `not done within ${timeoutMs} ms, as its timeout asks`);
    timer = setTimeout(() => late.abort(why), timeoutMs);
    const course: Course = { plan, source: agents.get(node), agents, timeoutMs, patience, log, directory: '' };
    log.info({ pod: `${wish.namespace}/${wish.pod}`, node }, 'checkpoint begins');
    const result = await inOrder(steps, course, ends);
    if (result.done)
      return {
        taken: takenBy(
          course,
          manifest.containers.map(({ name }) => name),
        ),
      };
    const { fault, left } = result;
    return { fault: left.length === 0 ? fault : withLeft(fault, left), isGone: left.length === 0 };
  } catch (error) {
    halt.throwIfAborted();
    return { fault: Fault.from(error, 'Internal'), isGone: true };
  } finally {
    clearTimeout(timer);
    if (claim !== undefined) queue.release(claim);
  }
}

export function withLeft({ reason, message }: Fault, left: readonly string[]): Fault {
  return new Fault(reason, `${message}; not undone: ${left.join('; ')}`);
}

function takenBy({ state, directory }: Course, containers: string[]): Taken {
  const at = (moment: string) => state?.moments.find(({ name }) => name === moment)?.unix_ms ?? 0;
  return {
    directory,
    digest: state?.checkpoint?.digest ?? '',
    bytes: Number(state?.sent_bytes ?? 0),
    freezeMs: Math.max(0, at('thawed') - at('frozen')),
    containers,
  };
}
