/**
 * What a migration needs of the kind of cluster it happens in. The state machine knows no other difference between one
 * kind and another.
 */
import type { Reason } from '../../proto/fault.ts';
import type { Pod__Output as Pod } from '../../proto/gen/podferry/v1/Pod.ts';
import type { Detached, SourceState, TargetState } from '../migration/observe.ts';
import type { Course } from '../migration/steps.ts';
import type { Plan } from '../request.ts';

/** By which an operator says that addresses can move. */
export const addressFlag = '--address-annotation';

export interface PodName {
  namespace: string;
  name: string;
  /** Empty: whichever has the name. */
  uid: string;
}

export interface Examination {
  findings: { reason: Reason; message: string }[];
  /** Null where agents make pods themselves. */
  targetPod: { namespace: string; name: string; uid: string } | null;
}

/** Of one node: those that have not finished, and are not on their way out. */
export interface NodePods {
  pods: PodName[];
  /** Whether somebody else may put new ones there meanwhile. */
  schedulable: boolean;
}

/** Each may be asked for again when its answer was lost: what is done already is said so again. */
export interface Cluster {
  /**
   * The one pod of that name, and the node where it runs.
   * @throws Fault PodNotFound, PodNotRunning or PodAmbiguous; NodeNotReady when only an absent node can have it;
   * RuntimeUnsupported when it is a part of Podferry
   */
  findPod(name: PodName, signal: AbortSignal): Promise<Pod>;

  /** @param namespace empty: all. @throws Fault NodeNotFound, or NodeNotReady when it cannot be asked */
  podsOn(node: string, namespace: string, signal: AbortSignal): Promise<NodePods>;

  /**
   * What this kind of cluster has against it, and the object that is to be made for it. Reads only.
   * @param id of the migration
   */
  examine(pod: Pod, target: string, id: string, signal: AbortSignal): Promise<Examination>;

  /** Mounts of the plan's pod that its target has just as its source does (CONTAINER:MOUNT_PATH). Reads only. */
  sharedMounts(of: Pick<Course, 'plan' | 'source'>, signal: AbortSignal): Promise<string[]>;

  /** Of pods: on any node the network gives a pod the addresses that it lists. Empty: none that is known. */
  readonly addressAnnotation: string;

  /** Why the target cannot have the pod's address; undefined: it can. Reads only. */
  whyAddressStays(pod: Plan['pod'], target: string, signal: AbortSignal): Promise<string | undefined>;

  /**
   * A node for a pod whose owner did not name one.
   * @param network that was asked for
   * @throws Fault NodeNotFound when there is none
   */
  pickTarget(pod: Pod, network: Plan['network'], signal: AbortSignal): Promise<string>;

  /**
   * Of a target that is to have the source's name: the source's object goes, and the source runs on without it for as
   * long as this try may take. Clients reach it as before, and nobody else gets its name.
   */
  detachSource(course: Course, signal: AbortSignal): Promise<void>;

  /** Undoes detachSource where the object is there yet, and says whether it was, and if not, whether the pod runs on. */
  attachSource(course: Course, signal: AbortSignal): Promise<Exclude<Detached, 'begun'>>;

  /** For the next try of a detached source: the same plan, or another node where the old one cannot take it any more. */
  planAgain(course: Course, signal: AbortSignal): Promise<Plan>;

  /** Gives a source without an object up: it is ended, and its owner makes another one. */
  abandonSource(course: Course, signal: AbortSignal): Promise<void>;

  /** Resolves when the target's CRIU waits for the go. */
  createTargetPod(course: Course, signal: AbortSignal): Promise<TargetState>;

  /** The last look before the freeze. @throws Fault TargetPrepareFailed when the target is on its way out */
  confirmTargetPod(course: Course, signal: AbortSignal): Promise<void>;

  /** Undoes createTargetPod and all else of the target's side, also of one that was made only in part. */
  removeTargetPod(course: Course, signal: AbortSignal): Promise<TargetState>;

  /**
   * The target runs. What clients have sent meanwhile goes there, before anything else, and then they are to reach it by
   * themselves. Has no undo, since it comes after the commit.
   */
  cutOver(course: Course, signal: AbortSignal): Promise<void>;

  /** The source goes, still frozen, when no connection needs it. Has no undo: it is the last copy of what the target has become. */
  releaseSource(course: Course, signal: AbortSignal): Promise<SourceState>;
}
