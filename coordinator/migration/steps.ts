/**
 * The steps of a migration: for each one what does it, what undoes it, and whose state it changes. A step that lacks
 * one of these does not compile. When each is due stands in decide.ts.
 */
import { Fault } from '../../proto/fault.ts';
import type { Phase } from '../../proto/phases.ts';
import type { PodManifest__Output as PodManifest } from '../../proto/gen/podferry/v1/PodManifest.ts';
import type { Agent } from '../agents/agent.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Plan } from '../request.ts';
import { followMemory, lookAtTarget } from './follow.ts';
import {
  absentSource,
  type Answer,
  type Detached,
  type SourceState,
  type SourceStep,
  type TargetState,
  type TargetStep,
} from './observe.ts';
import { examinePods } from './preflight.ts';
import type { MigrationRecord } from './record.ts';

/** What a migration of which only connections are left has to do with others. */
export interface Lingering {
  /** The pod may move on, and another migration may have this one's places. May be called again. */
  begun(): void;
  /** The source has said something. */
  heard(): void;
  over(): void;
  /** Aborted when nobody is to wait any longer; its reason says why. */
  readonly enough: AbortSignal;
}

/** What the steps of one migration share. Later ones need what earlier ones brought. */
export interface Course {
  /** Another try may go to another node; then this is another course. */
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly source: Agent;
  readonly target: Agent;
  manifest: PodManifest | undefined;
  targetState: TargetState | undefined;
  /** Whether the target's images are kept when it is discarded: after a go they are all that tells why. */
  keepImages: boolean;
  readonly record: MigrationRecord;
  readonly lingering: Lingering;
}

export type StepName =
  | 'preflight'
  | 'prepareTarget'
  | 'prepareSource'
  | 'detach'
  | 'createTargetPod'
  | 'copyAhead'
  | 'arm'
  | 'freezeAndSend'
  | 'commit'
  | 'restore'
  | 'cutOver'
  | 'follow'
  | 'releaseSource'
  | 'finishTarget'
  | 'rollBackSource'
  | 'discardTarget'
  | 'revoke'
  | 'attach'
  | 'abandon'
  | 'observeSource'
  | 'observeTarget';

type Undo = { by: 'rollBackSource' | 'discardTarget' | 'revoke' | 'attach' } | { none: string };

interface StepOf<Of extends Answer['of'], State, Step> {
  of: Of;
  /** The phase that begins with it. */
  phase?: Phase;
  /** A cancel or a deadline ends it at once. Steps that cannot be taken back are never left half-way. */
  interruptible: boolean;
  act(course: Course, signal: AbortSignal): Promise<State>;
  /** Answers that make sense; any other is a fault of the agent. */
  expects: readonly Step[];
  undo: Undo;
}

export type Step =
  | StepOf<'source', SourceState, SourceStep>
  | StepOf<'target', TargetState, TargetStep>
  | StepOf<'preflight', void, never>
  | StepOf<'cutOver', void, never>
  | StepOf<'name', Detached, Exclude<Detached, 'begun'>>;

const readsOnly: Undo = { none: 'it only reads' };
const isUndo: Undo = { none: 'it is an undo itself, repeated until it has been done' };

const every = <T>(...steps: T[]) => steps;
const anySource = every<SourceStep>(
  'Absent',
  'Prepared',
  'Armed',
  'Frozen',
  'Sent',
  'Committed',
  'RolledBackSource',
  'Released',
);
const anyTarget = every<TargetStep>(
  'Absent',
  'Prepared',
  'Waiting',
  'Going',
  'Running',
  'RestoreFailed',
  'Discarded',
  'Finished',
);

export const steps: Record<StepName, Step> = {
  preflight: {
    of: 'preflight',
    interruptible: true,
    async act(course, signal) {
      const { findings, manifest } = await examinePods(
        course.cluster,
        course.source,
        course.target,
        course.plan,
        signal,
      );
      const [first] = findings;
      if (first !== undefined) throw new Fault(first.reason, findings.map(({ message }) => message).join('; '));
      course.manifest = manifest;
    },
    expects: [],
    undo: readsOnly,
  },
  prepareTarget: {
    of: 'target',
    interruptible: true,
    act: ({ target, plan, manifest }, signal) =>
      target.call('PrepareTarget', { plan, manifest: need(manifest, 'the manifest') }, signal),
    expects: ['Prepared', 'Waiting'],
    undo: { by: 'discardTarget' },
  },
  prepareSource: {
    of: 'source',
    interruptible: true,
    act: ({ source, plan, targetState }, signal) => {
      const { data_address, token } = need(targetState, "the target's data address");
      return source.call('PrepareSource', { plan, data_address, token }, signal);
    },
    expects: ['Prepared'],
    undo: { by: 'rollBackSource' },
  },
  detach: {
    of: 'name',
    interruptible: false,
    async act(course, signal) {
      await course.cluster.detachSource(course, signal);
      return 'yes';
    },
    expects: ['yes'],
    undo: { by: 'attach' },
  },
  createTargetPod: {
    of: 'target',
    interruptible: true,
    act: (course, signal) => course.cluster.createTargetPod(course, signal),
    expects: ['Waiting'],
    undo: { by: 'discardTarget' },
  },
  copyAhead: {
    of: 'source',
    phase: 'PreCopying',
    interruptible: true,
    act: ({ source, plan, record }, signal) =>
      source.follow('CopyAhead', { migration: plan.id }, (progress) => record.progress(progress), signal),
    expects: ['Prepared'],
    undo: { by: 'discardTarget' },
  },
  arm: {
    of: 'source',
    interruptible: true,
    async act(course, signal) {
      const { source, plan, targetState } = course;
      await course.cluster.confirmTargetPod(course, signal);
      const { pod_ip, pod_ips, pod_mac: target_mac } = need(targetState, "the target's address");
      const target_ips = pod_ips.length > 0 ? pod_ips : [pod_ip];
      return await source.call('Arm', { migration: plan.id, target_ips, target_mac }, signal);
    },
    expects: ['Armed'],
    undo: { by: 'rollBackSource' },
  },
  freezeAndSend: {
    of: 'source',
    phase: 'Freezing',
    interruptible: true,
    act: ({ source, plan, record }, signal) =>
      // One second more than the source's own patience: its word on what happened is better than our silence.
      source.follow(
        'FreezeAndSend',
        { migration: plan.id },
        (progress) => record.progress(progress),
        signal,
        plan.freeze_deadline_ms + 1_000,
      ),
    expects: ['Sent'],
    undo: { by: 'rollBackSource' },
  },
  commit: {
    of: 'source',
    interruptible: false,
    act: ({ source, plan }, signal) => source.call('Commit', { migration: plan.id }, signal),
    expects: ['Committed'],
    undo: { by: 'revoke' },
  },
  restore: {
    of: 'target',
    phase: 'Restoring',
    interruptible: false,
    act: ({ target, plan }, signal) => target.call('Restore', { migration: plan.id }, signal),
    expects: ['Running', 'RestoreFailed'],
    undo: { none: 'it comes after the commit: the target is the workload' },
  },
  cutOver: {
    of: 'cutOver',
    phase: 'CuttingOver',
    interruptible: false,
    act: (course, signal) => course.cluster.cutOver(course, signal),
    expects: [],
    undo: { none: 'it comes after the commit: it is repeated until it has been done' },
  },
  follow: {
    of: 'target',
    phase: 'Completing',
    interruptible: false,
    act: ({ source, target, plan, record }, signal) => followMemory({ source, target, plan, record }, signal),
    expects: ['Running'],
    undo: { none: 'the target is the workload, with or without the rest of its memory' },
  },
  releaseSource: {
    of: 'source',
    phase: 'Completing',
    interruptible: false,
    act: (course, signal) => course.cluster.releaseSource(course, signal),
    expects: ['Released', 'Absent'],
    undo: { none: 'the source is killed, and the target runs' },
  },
  finishTarget: {
    of: 'target',
    interruptible: false,
    act: ({ target, plan }, signal) => target.call('FinishTarget', { migration: plan.id }, signal),
    expects: ['Finished', 'Absent'],
    undo: { none: 'nothing is removed but what the migration itself brought' },
  },
  rollBackSource: {
    of: 'source',
    interruptible: false,
    act: ({ source, plan }, signal) => source.call('RollBackSource', { migration: plan.id }, signal),
    expects: ['RolledBackSource', 'Absent', 'Committed'],
    undo: isUndo,
  },
  discardTarget: {
    of: 'target',
    interruptible: false,
    act: (course, signal) => course.cluster.removeTargetPod(course, signal),
    expects: ['Discarded', 'Absent'],
    undo: isUndo,
  },
  revoke: {
    of: 'source',
    interruptible: false,
    act: ({ source, plan }, signal) => source.call('Revoke', { migration: plan.id }, signal),
    expects: ['Absent', 'Prepared', 'Armed', 'Frozen', 'Sent', 'RolledBackSource'],
    undo: isUndo,
  },
  attach: {
    of: 'name',
    interruptible: false,
    act: (course, signal) => course.cluster.attachSource(course, signal),
    expects: ['no', 'yes', 'ended'],
    undo: isUndo,
  },
  abandon: {
    of: 'name',
    interruptible: false,
    async act(course, signal) {
      await course.cluster.abandonSource(course, signal);
      return 'ended';
    },
    expects: ['ended'],
    undo: { none: 'every other way has been tried for as long as was asked for' },
  },
  observeSource: {
    of: 'source',
    interruptible: false,
    async act({ source, plan }, signal) {
      const { sources } = await source.call('ListMigrations', {}, signal);
      return sources.find(({ migration }) => migration === plan.id) ?? absentSource(plan.id);
    },
    expects: anySource,
    undo: readsOnly,
  },
  observeTarget: {
    of: 'target',
    interruptible: false,
    act: (course, signal) => lookAtTarget(course, signal),
    expects: anyTarget,
    undo: readsOnly,
  },
};

function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Fault('Internal', `${what} is not known at this step`);
  return value;
}
