/** What an end means, in words for whoever has to act on it: where the pod runs, what is left, what to do. */
import type { Fault } from '../../proto/fault.ts';
import type { Plan } from '../request.ts';
import type { Decision, Failure } from './decide.ts';
import type { Facts } from './observe.ts';
import type { Outcome } from './record.ts';

type End = Extract<Decision, { kind: 'end' }>;

/** What else is needed for the words. */
export interface Circumstances {
  plan: Plan;
  facts: Facts;
  /** Why the last step of a side that did not do what was asked did not. */
  trouble: { source: Fault | undefined; target: Fault | undefined; name: Fault | undefined };
  /** Where the target kept its images; empty if nowhere. */
  images: string;
}

export function explain(end: End, circumstances: Circumstances): Outcome | undefined {
  switch (end.phase) {
    case 'Succeeded':
      return undefined;
    case 'RolledBack':
      return rolledBack(end.leftover, circumstances);
    case 'Failed':
      return failures[end.failure](circumstances);
  }
}

function rolledBack(leftover: boolean, { plan, facts, trouble }: Circumstances): Outcome {
  const { reason, message } = first(facts);
  const rest = leftover
    ? `; ${plan.target_node} could not be asked to remove what it had prepared (${why(trouble.target)}): that waits for no go and ends by itself, the rest goes when its agent answers again`
    : '';
  return { reason, message: `${message}. The pod runs on at ${plan.source_node}${rest}` };
}

const failures: Record<Failure, (circumstances: Circumstances) => Outcome> = {
  impossible: ({ plan, facts }) => ({
    reason: 'Internal',
    message:
      `source ${plan.source_node} says ${facts.source} and target ${plan.target_node} says ${facts.target}, which cannot both be: ` +
      'nothing more is done, because it could end a pod that runs. Look at both nodes, and keep the right one',
  }),
  sourceUnknown: ({ plan, facts, trouble }) => ({
    reason: first(facts).reason,
    message:
      `${first(facts).message}. It was not committed, but ${plan.source_node} could not be asked to roll back ` +
      `(${why(trouble.source)}): if the pod was frozen it thaws by itself at the latest ${plan.freeze_deadline_ms} ms after the freeze. ` +
      'The rest is removed when its agent answers again',
  }),
  commitUnknown: ({ plan, trouble }) => ({
    reason: 'CommitFailed',
    message:
      `it is not known whether ${plan.source_node} has committed (${why(trouble.source)}). Without a commit the pod runs there again by itself; ` +
      `with one it stays frozen there. Nothing was started on ${plan.target_node}. Bring the agent of ${plan.source_node} back: ` +
      'this coordinator then asks its journal and carries on',
  }),
  targetUnknown: ({ plan, trouble }) => ({
    reason: reasonOr(trouble.target, 'AgentUnreachable'),
    message:
      `committed, but it is not known whether the pod runs on ${plan.target_node} (${why(trouble.target)}). So the source stays frozen on ` +
      `${plan.source_node}: never both. Bring the agent of ${plan.target_node} back: this coordinator then carries on. ` +
      `If that node is lost for good, end it there and undo the migration on ${plan.source_node} by hand`,
  }),
  targetLost: ({ plan, facts }) => ({
    reason: 'RestoreFailed',
    message:
      `committed, but the journal of ${plan.target_node} has no trace of it (${facts.target}): was that node started anew? ` +
      `The source stays frozen on ${plan.source_node}. When you are sure that nothing of the pod runs on ${plan.target_node}, ` +
      `undo the migration on ${plan.source_node} by hand, and the pod runs on there`,
  }),
  restoreFailed: ({ plan, facts, images }) => ({
    reason: 'RestoreFailed',
    message:
      `${facts.stop?.message ?? `${plan.target_node} could not restore the pod`}. Nothing of it runs there, so the commit was revoked: ` +
      `the pod runs on at ${plan.source_node}${images === '' ? '' : `. Images and logs were kept in ${images} on ${plan.target_node}`}`,
  }),
  revokeUnconfirmed: ({ plan, trouble }) => ({
    reason: 'RestoreFailed',
    message:
      `${plan.target_node} could not restore the pod (${why(trouble.target)}), and nothing of it runs there; but ${plan.source_node} could not be asked ` +
      `to thaw it again (${why(trouble.source)}). Bring the agent of ${plan.source_node} back: this coordinator then does it`,
  }),
  cutOverFailed: ({ plan, trouble }) => ({
    reason: 'CutOverFailed',
    message: `the pod runs on ${plan.target_node}, but clients could not be sent there (${why(trouble.target)}). The source stays frozen on ${plan.source_node} and forwards`,
  }),
  releaseFailed: ({ plan, trouble }) => ({
    reason: 'ReleaseFailed',
    message:
      `the pod runs on ${plan.target_node}, but its frozen source could not be removed from ${plan.source_node} (${why(trouble.source)}). ` +
      'It never thaws; it is removed when the agent answers again',
  }),
  finishFailed: ({ plan, trouble }) => ({
    reason: 'ReleaseFailed',
    message:
      `the pod runs on ${plan.target_node} and its source is gone, but what the migration needed on ${plan.target_node} could not be removed ` +
      `(${why(trouble.target)}): it is when the agent answers again`,
  }),
  memoryUnknown: ({ plan, trouble }) => ({
    reason: reasonOr(trouble.target, 'AgentUnreachable'),
    message:
      `the pod runs on ${plan.target_node} and still waits for memory from ${plan.source_node} (${why(trouble.target)}). Its source stays frozen there until ` +
      `all has come; should nothing come, ${plan.target_node} ends the pod by itself. Bring the agents back: this coordinator then carries on`,
  }),
  memoryLost: ({ plan }) => ({
    reason: 'MemoryLost',
    message:
      `the pod ran on ${plan.target_node} when its memory stopped coming from ${plan.source_node}, and was ended there: its memory is lost. ` +
      `It is started again on ${plan.target_node}, cold, by whoever does that there. The frozen source is older than what the pod has done since: ` +
      'it never runs again, and is removed as soon as its agent answers',
  }),
  nameUnknown: ({ plan, facts, trouble }) => ({
    reason: first(facts).reason,
    message:
      `${first(facts).message}. The pod runs on at ${plan.source_node}, but it is not known whether its object is still there ` +
      `(${why(trouble.name)}). It is kept alive there for some minutes; this coordinator looks again until then`,
  }),
  ended: ({ plan, facts }) => ({
    reason: first(facts).reason,
    message:
      `${first(facts).message}. The object of pod ${plan.pod?.name ?? ''} was gone by then, no try has moved it in the time that ` +
      `there was, and it does not run on ${plan.source_node} any more: its owner, if that is still there, makes it anew, without its memory`,
  }),
};

function first({ stop }: Facts): Outcome {
  return stop === undefined
    ? { reason: 'Internal', message: 'it was stopped without a reason' }
    : { reason: stop.reason, message: stop.message };
}

function why(fault: Fault | undefined): string {
  return fault?.message ?? 'no error was given';
}

function reasonOr(fault: Fault | undefined, otherwise: Outcome['reason']): Outcome['reason'] {
  return fault === undefined || fault.reason === 'Internal' ? otherwise : fault.reason;
}
