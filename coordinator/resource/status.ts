/** What an object says of its migration: from what the coordinator knows of that to fields and conditions. Pure. */
import type { Connections__Output as Connections } from '../../proto/gen/podferry/v1/Connections.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { isEnd, type EndPhase, type Phase, phases } from '../../proto/phases.ts';
import { formatDuration } from '../duration.ts';
import type { Outcome } from '../migration/record.ts';
import type { Condition, Status } from './pod-migration.ts';

/** What the coordinator's record does not have. */
export interface Beside {
  /** Of the target's pod object; it is given when kubelet's node has it, not when it is planned. */
  targetPodUid?: string | undefined;
  /** Something to tell as long as there is no outcome. */
  message?: string | undefined;
}

/** @param before what the object says now: a condition keeps its time for as long as it stays the same */
export function statusOf(migration: Migration, before: Status | undefined, beside: Beside = {}): Status {
  const { plan, outcome, freeze_ms } = migration;
  // Set by our own code only, and there to its end.
  const phase = migration.phase as Phase;
  const reason = outcome?.reason;
  const message = outcome?.message ?? beside.message;
  const now = migration.created_unix_ms + migration.total_ms;
  // A coordinator that took it up again knows only what came since.
  const startTime = before?.startTime ?? timestamp(migration.created_unix_ms);
  const target = plan?.target_pod?.name;
  const targetUid = beside.targetPodUid ?? before?.targetPod?.uid;
  return {
    id: migration.id,
    phase,
    nodeName: plan?.source_node ?? '',
    targetNode: plan?.target_node ?? '',
    sourcePodUID: plan?.pod?.uid ?? '',
    ...(target !== undefined && { targetPod: { name: target, ...(targetUid !== undefined && { uid: targetUid }) } }),
    startTime,
    ...(isEnd(phase) && { completionTime: timestamp(now) }),
    committed: migration.committed,
    ...(freeze_ms > 0 && { freeze: formatDuration(freeze_ms), freezeMilliseconds: toMicros(freeze_ms) }),
    totalMilliseconds: Math.round(now - Date.parse(startTime)),
    bytesDone: Number(migration.bytes_done),
    bytesTotal: Number(migration.bytes_total),
    ...networkOf(plan),
    ...(migration.connections !== null && { connections: connectionsOf(migration.connections) }),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    phases: phasesOf(migration, hasBegunAnew(migration, before) ? undefined : before),
    conditions: conditionsOf({ phase, reason, message, committed: migration.committed }, before, now),
  };
}

function networkOf(plan: Migration['plan']): Pick<Status, 'network' | 'networkReason'> {
  // Of a plan that is older than this field.
  if (plan === null || plan.network === 'NETWORK_UNSPECIFIED') return {};
  const { network, network_reason } = plan;
  return { network: network.replaceAll('_', '-'), ...(network_reason !== '' && { networkReason: network_reason }) };
}

function connectionsOf({ kept, forwarded, bytes, oldest_unix_ms }: Connections): NonNullable<Status['connections']> {
  const oldestTime = oldest_unix_ms === 0 ? {} : { oldestTime: timestamp(oldest_unix_ms) };
  return { kept, forwarded, bytes: Number(bytes), ...oldestTime };
}

/** Told by the same coordinator, and further back than it was: another try, whose phases are its own. */
function hasBegunAnew({ created_unix_ms, phase }: Migration, before: Status | undefined): boolean {
  if (before?.phase === undefined || before.startTime !== timestamp(created_unix_ms)) return false;
  return phases.indexOf(phase as Phase) < phases.indexOf(before.phase);
}

/** Those that an earlier coordinator saw end stay as it saw them. */
function phasesOf({ phases: seenNow }: Migration, before: Status | undefined): NonNullable<Status['phases']> {
  const closed = before?.phases?.slice(0, -1) ?? [];
  const open = before?.phases?.at(-1);
  return seenNow.map(({ phase, started_unix_ms, duration_ms }) => {
    const seen = closed.find((each) => each.phase === phase);
    if (seen !== undefined) return seen;
    const since = open?.phase === phase ? Date.parse(open.startTime) : started_unix_ms;
    // A time in the object has lost its last digits; that is no other time.
    if (Math.abs(since - started_unix_ms) < 1) {
      return { phase, startTime: timestamp(started_unix_ms), durationMilliseconds: toMicros(duration_ms) };
    }
    const durationMilliseconds = toMicros(started_unix_ms + duration_ms - since);
    return { phase, startTime: open?.startTime ?? timestamp(since), durationMilliseconds };
  });
}

/** Of one that ends without a migration of ours: it was refused, or nobody knows it any more. */
export function endedStatus(
  id: string,
  phase: EndPhase,
  outcome: Outcome | undefined,
  before: Status | undefined,
  now = Date.now(),
): Status {
  const committed = phase === 'Succeeded' || before?.committed === true;
  const { reason, message } = outcome ?? {};
  // The rest of what was known stays as true as it was.
  const { reason: _reason, message: _message, ...kept } = before ?? {};
  return {
    startTime: timestamp(now),
    ...kept,
    id,
    phase,
    completionTime: timestamp(now),
    committed,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    conditions: conditionsOf({ phase, reason, message, committed }, before, now),
  };
}

/** Of one that had ended for all who watched: that stays, and what became of it since is told beside it. */
export function amendedStatus(ended: Status, { phase, outcome }: Migration): Status {
  const since = `since then: ${outcome?.message ?? phase}`;
  if (ended.message?.endsWith(since) === true) return ended;
  return { ...ended, message: ended.message === undefined ? since : `${ended.message}; ${since}` };
}

interface Standing {
  phase: Phase;
  reason: string | undefined;
  message: string | undefined;
  committed: boolean;
}

function conditionsOf(
  { phase, reason, message = '', committed }: Standing,
  before: Status | undefined,
  now: number,
): Condition[] {
  const make = (type: string, status: Condition['status'], why: string, words: string): Condition => {
    const old = before?.conditions?.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : timestamp(now);
    return { type, status, lastTransitionTime, reason: why, message: words };
  };
  const succeeded = phase === 'Succeeded' ? 'True' : isEnd(phase) ? 'False' : 'Unknown';
  return [
    make('Succeeded', succeeded, succeeded === 'False' ? (reason ?? phase) : phase, message),
    make('Committed', committed ? 'True' : 'False', committed ? 'Committed' : 'NotCommitted', ''),
  ];
}

/** Phases follow each other within a millisecond. */
function timestamp(ms: number): string {
  const micros = Math.floor((ms - Math.floor(ms)) * 1_000);
  return new Date(ms).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}

function toMicros(ms: number): number {
  return Math.round(Math.max(0, ms) * 1_000) / 1_000;
}
