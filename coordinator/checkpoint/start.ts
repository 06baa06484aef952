/**
 * One pod from a checkpoint: the target's half of a migration. There is nothing to commit, since its source goes its
 * own way; from the go on it is a pod like any other.
 */
import type { V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import type { Copy } from '../../proto/gen/podferry/v1/Copy.ts';
import type { PodManifest__Output as PodManifest } from '../../proto/gen/podferry/v1/PodManifest.ts';
import type { Phase } from '../../proto/phases.ts';
import { type Agent, unlessGone } from '../agents/agent.ts';
import type { Kubernetes } from '../cluster/kubernetes/client.ts';
import { removePod, startPod } from '../cluster/kubernetes/target-start.ts';
import type { Patience } from '../migration/patience.ts';
import type { Plan } from '../request.ts';
import type { Work } from './active.ts';
import { type CourseStep, inOrder, insist, isSilence } from './course.ts';
import { withLeft } from './take.ts';
import type { World } from './world.ts';

interface Course {
  plan: Plan;
  target: Agent;
  kubernetes: Kubernetes;
  manifest: PodManifest;
  /** The object that is made. */
  pod: V1Pod;
  patience: Patience;
  log: Logger;
  enter: (phase: Phase) => void;
  ip: string;
  /** After it, images and logs are all that tells why. */
  hasGo: boolean;
}

const steps: readonly CourseStep<Course>[] = [
  {
    name: 'prepareTarget',
    async act({ target, plan, manifest, enter }, signal) {
      enter('Preparing');
      await target.call('PrepareTarget', { plan, manifest }, signal);
    },
    async undo({ kubernetes, plan, target, hasGo }, signal) {
      await removePod(kubernetes, plan, target, hasGo, signal).catch(unlessGone);
    },
  },
  {
    name: 'startPod',
    async act(course, signal) {
      const { kubernetes, pod, plan, target } = course;
      course.ip = (await startPod(kubernetes, pod, plan, target, signal)).pod_ip;
    },
  },
  {
    name: 'receive',
    async act({ target, plan, enter }, signal) {
      enter('Transferring');
      await target.call('Receive', { migration: plan.id }, signal);
    },
  },
  {
    name: 'restore',
    insists: true,
    async act(course, signal) {
      const { target, plan, patience } = course;
      course.enter('Restoring');
      course.hasGo = true;
      const restore = async () => await target.call('Restore', { migration: plan.id }, signal);
      const { step, fault } = await insist(restore, patience, patience.forwardMs, signal, isSilence);
      if (step === 'Running') return;
      throw new Fault('RestoreFailed', `${plan.target_node} could not restore it: ${fault?.message ?? step}`);
    },
  },
  {
    // It runs; what its node still has of this is removed when its agent answers, at the latest by a sweep.
    name: 'finishTarget',
    insists: true,
    async act({ target, plan, patience, log, enter }, signal) {
      enter('Completing');
      const finish = async () => await target.call('FinishTarget', { migration: plan.id }, signal).catch(unlessGone);
      await insist(finish, patience, patience.forwardMs, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        log.warn({ err: error }, 'the copy runs, but its node has something left of its start');
      });
    },
  },
];

/** Tells each change until the end. Rejects only when it is halted. */
export async function start(
  { plan, manifest, pod, timeoutMs }: Pick<Course, 'plan' | 'manifest' | 'pod'> & { timeoutMs: number },
  { kubernetes, agents, queue, patience, log: parent }: World,
  { at, stop, halt }: Work,
  tell: (copy: Copy) => void,
): Promise<void> {
  const began = performance.now();
  const log = parent.child({ migration: plan.id });
  const node = plan.target_node;
  const { namespace = '', name = '' } = plan.target_pod ?? {};
  const told: Copy = { id: plan.id, pod: plan.target_pod, node, phase: 'Pending', outcome: null, ip: '' };
  const say = (change: Copy) => tell(Object.assign(told, change, { total_ms: performance.now() - began }));
  say({});
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const claim = queue.claim(`${namespace}/${name}`, plan.id);
  try {
    await queue.turn(plan.id, [node], AbortSignal.any([stop, halt]));
    at(node);
    const why = new Fault('DeadlineExceeded', `no go within ${timeoutMs} ms, as its timeout asks`);
    timer = setTimeout(() => late.abort(why), timeoutMs);
    const course: Course = {
      ...{ plan, manifest, pod, kubernetes, patience, log, ip: '', hasGo: false },
      target: agents.get(node),
      enter: (phase) => say({ phase }),
    };
    const result = await inOrder(steps, course, { stop: AbortSignal.any([stop, late.signal]), halt });
    if (result.done) {
      log.info({ pod: `${namespace}/${name}`, node }, 'a copy runs');
      return say({ phase: 'Succeeded', ip: course.ip });
    }
    const { fault, left } = result;
    const { reason, message } = left.length === 0 ? fault : withLeft(fault, left);
    say({ phase: left.length === 0 ? 'RolledBack' : 'Failed', outcome: { reason, message } });
  } catch (error) {
    halt.throwIfAborted();
    const { reason, message } = Fault.from(error, 'Internal');
    say({ phase: 'RolledBack', outcome: { reason, message } });
  } finally {
    clearTimeout(timer);
    queue.release(claim);
  }
}
