/** A migration as an object of the API server: what charts/podferry/files/crds/podmigrations.yaml describes. Pure. */
import type { V1Condition } from '@kubernetes/client-node';
import type { MigrateRequest__Output as MigrateRequest } from '../../proto/gen/podferry/v1/MigrateRequest.ts';
import { isEnd, type Phase } from '../../proto/phases.ts';
import { lingerText, parseLinger } from '../duration.ts';
import type { Resource } from './objects.ts';

export const group = 'podferry.dev';
export const version = 'v1alpha1';
export const plural = 'podmigrations';
export const apiVersion = `${group}/${version}`;
export const kind = 'PodMigration';

/** Stands from when it is taken up to its end, so that nobody's delete makes us forget a pod on its way. */
export const finalizer = 'podferry.dev/migration';
export const podMigrations = { kind, plural, finalizer } as const;

/** On one that keeps its pod's name from all others: its id. The admission policy podferry-names asks for it. */
export const keepsNameLabel = 'podferry.dev/keeps-name';
/** Who asked for one that was not made by hand, as far as that is known. */
export const askedByAnnotation = 'podferry.dev/asked-by';

export interface Spec {
  sourcePod: { name: string; uid?: string };
  targetNode?: string;
  strategy: string;
  transport: string;
  timeoutSeconds: number;
  freezeTimeoutSeconds: number;
  lingerSeconds: number;
  /** Absent: the best that is possible. */
  network?: string;
  /** Absent where the definition of PodMigrations is older. */
  connectionLinger?: string;
  /** Absent: it is kept. */
  ttlSecondsAfterFinished?: number;
}

/** Times are RFC 3339. */
export interface Status {
  id?: string;
  phase?: Phase;
  nodeName?: string;
  targetNode?: string;
  sourcePodUID?: string;
  targetPod?: { name: string; uid?: string };
  startTime?: string;
  completionTime?: string;
  committed?: boolean;
  freeze?: string;
  freezeMilliseconds?: number;
  totalMilliseconds?: number;
  bytesDone?: number;
  bytesTotal?: number;
  network?: string;
  networkReason?: string;
  /** That still go by way of the source. */
  connections?: { kept: number; forwarded: number; bytes: number; oldestTime?: string };
  reason?: string;
  message?: string;
  phases?: { phase: string; startTime: string; durationMilliseconds: number }[];
  conditions?: Condition[];
}

export type Condition = Pick<V1Condition, 'type' | 'reason' | 'message'> & {
  status: 'True' | 'False' | 'Unknown';
  lastTransitionTime: string;
};

export interface PodMigration extends Resource {
  spec: Spec;
  status?: Status;
}

/** The same for the same object: a coordinator that starts finds what an earlier one began. */
export function idOf({ metadata }: PodMigration): string {
  return `mig-${metadata.uid.replaceAll('-', '').slice(0, 12)}`;
}

export function hasEnded({ status }: PodMigration): boolean {
  return status?.phase !== undefined && isEnd(status.phase);
}

export function isHeld({ metadata }: PodMigration): boolean {
  return metadata.finalizers?.includes(finalizer) === true;
}

export function keepsName({ metadata }: PodMigration): boolean {
  return metadata.labels?.[keepsNameLabel] !== undefined;
}

export function isBeingDeleted({ metadata }: PodMigration): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/**
 * @param uid of the pod that was examined: nobody else that comes to have its name is moved
 */
export function specOf(request: MigrateRequest, uid: string): Spec {
  const { pod, target_node, strategy, transport, timeout_ms, freeze_timeout_ms, linger_ms, network } = request;
  return {
    sourcePod: { name: pod?.name ?? '', uid },
    ...(target_node !== '' && { targetNode: target_node }),
    strategy: strategy === 'STRATEGY_UNSPECIFIED' ? 'auto' : strategy.replaceAll('_', '-'),
    transport: transport === 'TRANSPORT_UNSPECIFIED' ? 'stream' : transport,
    // Whole seconds, as everywhere in that API; rather too patient than not patient enough.
    timeoutSeconds: Math.ceil((timeout_ms || 120_000) / 1_000),
    freezeTimeoutSeconds: Math.ceil((freeze_timeout_ms || 10_000) / 1_000),
    lingerSeconds: Math.ceil((linger_ms ?? 2_000) / 1_000),
    ...(network !== 'NETWORK_UNSPECIFIED' && { network: network.replaceAll('_', '-') }),
    connectionLinger: lingerText(request.connection_linger_ms ?? 30_000),
  };
}

/** What was asked for by making it, in the words of who asks over gRPC. The API server has checked it already. */
export function requestOf({ metadata, spec }: PodMigration): MigrateRequest {
  return {
    pod: { namespace: metadata.namespace, name: spec.sourcePod.name, uid: spec.sourcePod.uid ?? '' },
    target_node: spec.targetNode ?? '',
    strategy: spec.strategy.replaceAll('-', '_') as MigrateRequest['strategy'],
    transport: spec.transport as MigrateRequest['transport'],
    timeout_ms: spec.timeoutSeconds * 1_000,
    freeze_timeout_ms: spec.freezeTimeoutSeconds * 1_000,
    linger_ms: spec.lingerSeconds * 1_000,
    network: (spec.network?.replaceAll('-', '_') ?? 'NETWORK_UNSPECIFIED') as MigrateRequest['network'],
    ...(spec.connectionLinger !== undefined && { connection_linger_ms: parseLinger(spec.connectionLinger) }),
    // Who made an object does not hold a line that could break; deleting it is how to cancel.
    detach: true,
  };
}
