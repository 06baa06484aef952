/** A checkpoint as an object of the API server: what charts/podferry/files/crds/podcheckpoints.yaml describes. Pure. */
import type { PodTemplate } from '../cluster/kubernetes/template.ts';
import type { Resource } from '../resource/objects.ts';
import type { Condition } from '../resource/pod-migration.ts';

/** Its finalizer stands as long as its files do. */
export const podCheckpoints = {
  kind: 'PodCheckpoint',
  plural: 'podcheckpoints',
  finalizer: 'podferry.dev/checkpoint',
} as const;

export interface Spec {
  sourcePod: { name: string; uid?: string };
  timeoutSeconds: number;
}

/** Where an agent finds it: below its --nfs-dir. Without the digest nothing there is believed. */
export interface Location {
  type: 'Directory';
  id: string;
  path?: string;
  digest?: string;
}

/** Times are RFC 3339. Null takes a field away. */
export interface Status {
  nodeName?: string;
  sourcePodUID?: string;
  startTime?: string;
  completionTime?: string;
  checkpointLocation?: Location | null;
  bytes?: number;
  size?: string;
  freezeMilliseconds?: number;
  checkpointedPodTemplate?: PodTemplate | null;
  checkpointedContainers?: string[];
  /** Labels by which the pod's owner knows it: a copy is not the owner's. */
  ownerLabels?: string[];
  reason?: string;
  message?: string;
  conditions?: Condition[];
}

export interface PodCheckpoint extends Resource {
  spec: Spec;
  status?: Status;
}

/** The same for the same object: a coordinator that starts finds what an earlier one began. */
export function idOf({ metadata }: PodCheckpoint): string {
  return `ckp-${metadata.uid.replaceAll('-', '').slice(0, 12)}`;
}

export type State = 'new' | 'underWay' | 'ready' | 'failed';

export function stateOf({ status }: PodCheckpoint): State {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined) return 'new';
  if (ready.status === 'True') return 'ready';
  return ready.reason === 'CheckpointInProgress' ? 'underWay' : 'failed';
}

export function isBeingDeleted({ metadata }: PodCheckpoint): boolean {
  return metadata.deletionTimestamp !== undefined;
}

export type Task =
  | 'none'
  | 'start'
  /** It is under way, and it is not wanted any more. */
  | 'cancel'
  /** An earlier coordinator began it, and nobody is at it. */
  | 'settle'
  /** Its files go, and then it may go too. */
  | 'erase';

/** What is to be done about it. @param isActive whether this coordinator is at it */
export function taskOf(object: PodCheckpoint, isHeld: boolean, isActive: boolean): Task {
  if (isBeingDeleted(object)) {
    if (isActive) return 'cancel';
    return isHeld ? 'erase' : 'none';
  }
  if (isActive) return 'none';
  const state = stateOf(object);
  if (state === 'new') return 'start';
  return state === 'underWay' ? 'settle' : 'none';
}
