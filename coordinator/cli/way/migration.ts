/** A PodMigration as gRPC callers get a migration: what its status says, in their words. Pure. */
import type { Reason } from '../../../proto/fault.ts';
import type { Migration__Output as Migration } from '../../../proto/gen/podferry/v1/Migration.ts';
import type { Phase } from '../../../proto/phases.ts';
import { parseLinger } from '../../duration.ts';
import { hasEnded, idOf, type PodMigration, type Status } from '../../resource/pod-migration.ts';

/** It has been refused: nothing was touched, so no node was ever named. */
export function isRefused(object: PodMigration): boolean {
  return hasEnded(object) && object.status?.phase === 'Failed' && object.status.nodeName === undefined;
}

export function isTakenUp({ metadata, status }: PodMigration): boolean {
  return status?.phase !== undefined || (metadata.finalizers ?? []).length > 0;
}

/** Told beside an outcome: what is worth a word while it goes on. */
export function messageOf({ status }: PodMigration): string {
  return status?.reason === undefined ? (status?.message ?? '') : '';
}

function connectionsOf({ connections }: Status): Migration['connections'] {
  if (connections === undefined) return null;
  const { kept, forwarded, bytes, oldestTime } = connections;
  return {
    kept,
    forwarded,
    bytes: String(bytes),
    oldest_unix_ms: oldestTime === undefined ? 0 : Date.parse(oldestTime),
  };
}

/** @param targetIp of the pod that arrived, as far as it is known */
export function toMigration(object: PodMigration, now = Date.now(), targetIp = ''): Migration {
  const { metadata, spec, status = {} } = object;
  const { namespace } = metadata;
  const created = Date.parse(status.startTime ?? metadata.creationTimestamp ?? '') || now;
  const total = status.totalMilliseconds ?? Math.max(0, (Date.parse(status.completionTime ?? '') || now) - created);
  const id = status.id ?? idOf(object);
  const { targetPod, reason, message = '' } = status;
  return {
    id,
    plan: {
      id,
      pod: { namespace, name: spec.sourcePod.name, uid: status.sourcePodUID ?? spec.sourcePod.uid ?? '' },
      source_node: status.nodeName ?? '',
      target_node: status.targetNode ?? spec.targetNode ?? '',
      // Checked against the same names by the API server.
      strategy: spec.strategy.replaceAll('-', '_') as 'auto',
      transport: spec.transport as 'stream',
      freeze_deadline_ms: spec.freezeTimeoutSeconds * 1_000,
      wait_deadline_ms: 0,
      linger_ms: spec.lingerSeconds * 1_000,
      target_pod: targetPod === undefined ? null : { namespace, name: targetPod.name, uid: targetPod.uid ?? '' },
      // As far as it has been decided.
      network: (status.network ?? spec.network ?? 'NETWORK_UNSPECIFIED').replaceAll('-', '_') as 'translate',
      network_reason: status.networkReason ?? '',
      address_annotation: '',
      connection_linger_ms: parseLinger(spec.connectionLinger ?? '30s'),
      checkpoint: null,
    },
    phase: status.phase ?? 'Pending',
    // Written by the coordinator, from a Fault.
    outcome: reason === undefined ? null : { reason: reason as Reason, message },
    phases: (status.phases ?? []).map(({ phase, startTime, durationMilliseconds }) => ({
      phase: phase as Phase,
      started_unix_ms: Date.parse(startTime),
      duration_ms: durationMilliseconds,
    })),
    moments: [],
    freeze_ms: status.freezeMilliseconds ?? 0,
    total_ms: total,
    bytes_done: String(status.bytesDone ?? 0),
    bytes_total: String(status.bytesTotal ?? 0),
    eta_ms: -1,
    target_ip: targetIp,
    target_sandbox_id: '',
    committed: status.committed ?? false,
    created_unix_ms: created,
    connections: connectionsOf(status),
  };
}
