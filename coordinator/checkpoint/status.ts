/** What an object says of its checkpoint. Pure. */
import type { V1Pod } from '@kubernetes/client-node';
import type { Fault } from '../../proto/fault.ts';
import type { Checkpoint } from '../../proto/gen/podferry/v1/Checkpoint.ts';
import type { Reason } from '../../proto/fault.ts';
import { templateOf } from '../cluster/kubernetes/template.ts';
import type { Condition } from '../resource/pod-migration.ts';
import { type PodCheckpoint, stateOf, type Status } from './pod-checkpoint.ts';

type ReadyReason = 'CheckpointInProgress' | 'CheckpointCompleted' | 'CheckpointFailed' | 'SourcePodReplaced';

/** What a pod has left behind. */
export interface Taken {
  /** As its node sees it. */
  directory: string;
  digest: string;
  bytes: number;
  freezeMs: number;
  containers: string[];
}

/** @param id of what is being made. Written before anything is */
export function begunStatus(
  id: string,
  node: string,
  pod: V1Pod,
  ownerLabels: readonly string[],
  now = Date.now(),
): Status {
  return {
    nodeName: node,
    sourcePodUID: pod.metadata?.uid ?? '',
    startTime: timestamp(now),
    checkpointLocation: { type: 'Directory', id },
    checkpointedPodTemplate: templateOf(pod),
    ownerLabels: [...ownerLabels],
    conditions: [ready('False', 'CheckpointInProgress', `the pod runs on ${node}`, now)],
  };
}

export function takenStatus(id: string, { directory, digest, ...taken }: Taken, now = Date.now()): Status {
  return {
    completionTime: timestamp(now),
    checkpointLocation: { type: 'Directory', id, path: directory, digest },
    bytes: taken.bytes,
    size: sizeOf(taken.bytes),
    freezeMilliseconds: Math.round(taken.freezeMs * 1_000) / 1_000,
    checkpointedContainers: taken.containers,
    conditions: [ready('True', 'CheckpointCompleted', '', now)],
  };
}

/** @param isGone whether nothing of it is left in the shared directory */
export function failedStatus({ reason, message }: Fault, isGone: boolean, now = Date.now()): Status {
  const why = reason === 'SourcePodReplaced' ? reason : 'CheckpointFailed';
  return {
    completionTime: timestamp(now),
    reason,
    message,
    ...(isGone && { checkpointLocation: null, checkpointedPodTemplate: null }),
    conditions: [ready('False', why, message, now)],
  };
}

function ready(status: Condition['status'], reason: ReadyReason, message: string, now: number): Condition {
  return { type: 'Ready', status, lastTransitionTime: timestamp(now), reason, message };
}

/** As gRPC callers get it. */
export function toMessage(object: PodCheckpoint, now = Date.now()): Checkpoint {
  const { metadata, spec, status = {} } = object;
  const { namespace, name } = metadata;
  const state = stateOf(object);
  const created = Date.parse(metadata.creationTimestamp ?? '') || now;
  const began = Date.parse(status.startTime ?? '') || created;
  const ended = Date.parse(status.completionTime ?? '') || now;
  const { reason, message = '' } = status;
  return {
    namespace,
    name,
    pod: { namespace, name: spec.sourcePod.name, uid: status.sourcePodUID ?? spec.sourcePod.uid ?? '' },
    node: status.nodeName ?? '',
    ended: state === 'ready' || state === 'failed',
    ready: state === 'ready',
    // Written by ourselves from a Fault, in failedStatus().
    outcome: reason === undefined ? null : { reason: reason as Reason, message },
    bytes: String(status.bytes ?? 0),
    freeze_ms: status.freezeMilliseconds ?? 0,
    created_unix_ms: created,
    total_ms: Math.max(0, ended - began),
    location: status.checkpointLocation?.path ?? '',
  };
}

function sizeOf(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.ceil(bytes / 1_024)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
