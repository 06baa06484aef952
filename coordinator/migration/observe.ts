/**
 * What is known of a migration, and how each answer of an agent, or its lack, changes that. Pure: nothing here waits,
 * and decide.ts sees nothing but these facts.
 */
import type { Fault } from '../../proto/fault.ts';
import type {
  _podferry_v1_SourceState_Step__Output as SourceStepName,
  SourceState__Output as SourceState,
} from '../../proto/gen/podferry/v1/SourceState.ts';
import type {
  _podferry_v1_TargetState_Step__Output as TargetStepName,
  TargetState__Output as TargetState,
} from '../../proto/gen/podferry/v1/TargetState.ts';
import type { StepName } from './steps.ts';

export type { SourceState, TargetState };
export type SourceStep = Exclude<SourceStepName, number>;
export type TargetStep = Exclude<TargetStepName, number>;

/**
 * Whether the source's object has gone, so that the target can have its name. `begun`: it may have. `ended`: it has, and
 * the pod that it stood for does not run any more either.
 */
export type Detached = 'no' | 'begun' | 'yes' | 'ended';

export interface Facts {
  /** Why it must not go on: the first fault, cancel, deadline or vanished client. Counts only before the commit. */
  readonly stop: Fault | undefined;
  /** Preflight found nothing against it. */
  readonly checked: boolean;
  /**
   * Thawed and Killed are what a journal says of RolledBackSource and Released: an entry that is still there has
   * something left to undo. Only an answer to the step itself says that all of it is done.
   */
  readonly source: SourceStep | 'Thawed' | 'Killed' | 'Unknown';
  readonly target: TargetStep | 'Unknown';
  /** Files went ahead. */
  readonly copied: boolean;
  /** `asked`: sent, and no answer tells yet what became of it. The source's journal alone decides. */
  readonly commit: 'unasked' | 'asked' | 'given' | 'revoked';
  /** Restores that the target answered with anything but Running. */
  readonly restoresFailed: number;
  /** Clients reach the target. */
  readonly cutOver: boolean;
  /** Of a target that runs: all of it has come, or some of it is still to be had from the source only, or is lost. */
  readonly memory: 'whole' | 'owed' | 'lost';
  /** The target is to have the source's name. */
  readonly namesake: boolean;
  readonly detached: Detached;
  /** The source is kept alive without its object for as long as this try may take. */
  readonly held: boolean;
  /** Whether one that cannot be attached again is to be tried once more. */
  readonly timeLeft: boolean;
  /** Whether a side that does not do what is asked is to be asked again. `name`: the cluster, about the source's object. */
  readonly patience: { readonly source: boolean; readonly target: boolean; readonly name: boolean };
}

/** Restores that fail before it counts as proven that no other one would do better. */
export const enoughRestores = 2;

export const untouched: Facts = {
  stop: undefined,
  checked: false,
  source: 'Absent',
  target: 'Absent',
  copied: false,
  commit: 'unasked',
  restoresFailed: 0,
  cutOver: false,
  memory: 'whole',
  namesake: false,
  detached: 'no',
  held: false,
  timeLeft: true,
  patience: { source: true, target: true, name: true },
};

/** What a step brought home. Most bring the state of the side that did it. */
export type Answer =
  | { of: 'source'; state: SourceState }
  | { of: 'target'; state: TargetState }
  | { of: 'preflight' }
  | { of: 'cutOver' }
  | { of: 'name'; detached: Exclude<Detached, 'begun'> };

export function learn(facts: Facts, step: StepName, answer: Answer): Facts {
  switch (answer.of) {
    case 'preflight':
      return { ...facts, checked: true };
    case 'cutOver':
      return { ...facts, cutOver: true };
    case 'name':
      return { ...facts, detached: answer.detached, held: step === 'detach' };
    case 'source':
      return settle(learnSource({ ...facts, copied: facts.copied || step === 'copyAhead' }, step, answer.state.step));
    case 'target':
      return settle({ ...learnTarget(facts, step, answer.state.step), memory: memoryOf(answer.state, facts.memory) });
  }
}

/** What was lost stays lost, also for a journal that has been cleared since. */
function memoryOf({ lacks_memory, fault }: TargetState, before: Facts['memory']): Facts['memory'] {
  if (before === 'lost' || fault?.reason === 'MemoryLost') return 'lost';
  return lacks_memory ? 'owed' : 'whole';
}

function learnSource(facts: Facts, step: StepName, seen: SourceStep): Facts {
  const source = step === 'observeSource' ? asEntry(seen) : seen;
  const committed = seen === 'Committed' || seen === 'Released';
  if (committed) return { ...facts, source, commit: 'given' };
  if (step === 'revoke') return { ...facts, source, commit: 'revoked' };
  return { ...facts, source };
}

function asEntry(seen: SourceStep): Facts['source'] {
  if (seen === 'RolledBackSource') return 'Thawed';
  return seen === 'Released' ? 'Killed' : seen;
}

function learnTarget(facts: Facts, step: StepName, seen: TargetStep): Facts {
  // A journal without an entry is what finishing leaves; to any other question it means that the entry was lost.
  if (step === 'finishTarget' && seen === 'Absent') return { ...facts, target: 'Finished' };
  if (step === 'discardTarget' && seen === 'Absent' && facts.commit !== 'given')
    return { ...facts, target: 'Discarded' };
  const failed = step === 'restore' && seen !== 'Running' ? 1 : 0;
  return { ...facts, target: seen, restoresFailed: facts.restoresFailed + failed };
}

/** What both sides together prove. */
function settle(facts: Facts): Facts {
  const { source, target, commit } = facts;
  // A go comes only after the commit; a source that knows nothing any more has been released or has lost its node.
  if (isGone(target) && (source === 'Absent' || source === 'Unknown') && commit !== 'revoked') {
    return { ...facts, commit: 'given' };
  }
  // Nothing runs at the target after a commit, and the source lives uncommitted: it was revoked before we came to look.
  const proven = target === 'RestoreFailed' || (target === 'Discarded' && commit === 'given');
  if (proven && isKnownUncommitted(source)) return { ...facts, commit: 'revoked' };
  return facts;
}

function isGone(target: Facts['target']): boolean {
  return target === 'Going' || target === 'Running' || target === 'Finished';
}

function isKnownUncommitted(source: Facts['source']): boolean {
  return source !== 'Unknown' && source !== 'Committed' && source !== 'Killed' && source !== 'Released';
}

/** A step is about to be taken. From here on nobody but the source's journal can tell whether it has committed. */
export function begin(facts: Facts, step: StepName): Facts {
  if (step === 'commit') return { ...facts, commit: 'asked' };
  return step === 'detach' && facts.detached === 'no' ? { ...facts, detached: 'begun' } : facts;
}

/** A step did not bring an answer: whatever it was to change may have changed. */
export function miss(facts: Facts, step: StepName, of: Answer['of'], fault: Fault): Facts {
  // Asked again it either does it or says that it has been done; and a journal without it tells nothing any more.
  if (step === 'finishTarget') return facts;
  const unsure: Facts = {
    ...facts,
    source: of === 'source' ? 'Unknown' : facts.source,
    target: of === 'target' ? 'Unknown' : facts.target,
  };
  // A refusal is an answer; silence is not, and the restore may have been well under way.
  const refused = fault.reason !== 'AgentUnreachable' && fault.reason !== 'DeadlineExceeded';
  return step === 'restore' && refused ? { ...unsure, restoresFailed: facts.restoresFailed + 1 } : unsure;
}

/** Before the commit the first reason counts; after it there is none. */
export function stop(facts: Facts, why: Fault): Facts {
  if (facts.stop !== undefined) return facts;
  // Much may have happened to the pod since it was detached.
  return { ...facts, stop: why, detached: facts.detached === 'yes' ? 'begun' : facts.detached };
}

/** Nothing of a try is left but the source, which runs without its object. */
export function again({ namesake, timeLeft, patience }: Facts): Facts {
  return { ...untouched, namesake, detached: 'yes', timeLeft, patience };
}

/** What a coordinator that starts finds in the agents' journals. An absent agent's side is undefined. */
export function found(
  source: SourceState | 'none' | undefined,
  target: TargetState | 'none' | undefined,
  why: Fault,
  namesake = false,
): Facts {
  const unknown = { source: 'Unknown', target: 'Unknown', namesake, detached: namesake ? 'begun' : 'no' } as const;
  let facts: Facts = { ...untouched, stop: why, checked: true, ...unknown };
  if (source === undefined) facts = { ...facts, commit: 'asked' };
  if (source !== undefined) facts = learnSource(facts, 'observeSource', source === 'none' ? 'Absent' : source.step);
  if (target !== undefined) facts = learnTarget(facts, 'observeTarget', target === 'none' ? 'Absent' : target.step);
  if (target !== undefined && target !== 'none') facts = { ...facts, memory: memoryOf(target, 'whole') };
  // Whoever found it so has tried again, and may have been told that it would thaw.
  if (facts.target === 'RestoreFailed') facts = { ...facts, restoresFailed: enoughRestores };
  return settle(facts);
}

/** What is said of a migration that a journal does not have. */
export function absentSource(migration: string): SourceState {
  return {
    migration,
    step: 'Absent',
    plan: null,
    moments: [],
    fault: null,
    dumped_bytes: '0',
    sent_bytes: '0',
    checkpoint: null,
    connections: null,
  };
}

export function absentTarget(migration: string): TargetState {
  const nothing = {
    data_address: '',
    token: '',
    pod_ip: '',
    pod_ips: [],
    pod_mac: '',
    sandbox_id: '',
    images: '',
    lacks_memory: false,
  };
  return { migration, step: 'Absent', plan: null, moments: [], fault: null, ...nothing };
}
