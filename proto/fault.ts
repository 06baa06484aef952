/**
 * One error for everything that goes wrong in a migration. It leads with a reason code, keeps its cause, and crosses
 * gRPC without losing either: as status code, message and the trailer "podferry-reason".
 */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Reason__Output as ReasonName } from './gen/podferry/v1/Reason.ts';

export type Reason = Exclude<ReasonName, number>;

const trailer = 'podferry-reason';

/** Which gRPC status a reason travels as. Whoever adds a reason decides it here, or it does not compile. */
const statusOf: Record<Reason, status> = {
  REASON_UNSPECIFIED: status.UNKNOWN,
  InvalidArgument: status.INVALID_ARGUMENT,
  PodNotFound: status.NOT_FOUND,
  PodNotRunning: status.FAILED_PRECONDITION,
  PodAmbiguous: status.FAILED_PRECONDITION,
  NodeNotFound: status.NOT_FOUND,
  NodeNotReady: status.UNAVAILABLE,
  SameNode: status.INVALID_ARGUMENT,
  MigrationInProgress: status.ALREADY_EXISTS,
  MigrationNotFound: status.NOT_FOUND,
  RuntimeUnsupported: status.FAILED_PRECONDITION,
  TerminalAttached: status.FAILED_PRECONDITION,
  HostNamespace: status.FAILED_PRECONDITION,
  PrivilegedContainer: status.FAILED_PRECONDITION,
  DeviceAttached: status.FAILED_PRECONDITION,
  HostPathVolume: status.FAILED_PRECONDITION,
  CriuMissing: status.FAILED_PRECONDITION,
  CriuFeatureMissing: status.FAILED_PRECONDITION,
  KernelTooOld: status.FAILED_PRECONDITION,
  CpuIncompatible: status.FAILED_PRECONDITION,
  ImageMissing: status.FAILED_PRECONDITION,
  StagingSpaceMissing: status.RESOURCE_EXHAUSTED,
  TransportUnavailable: status.FAILED_PRECONDITION,
  StrategyUnavailable: status.FAILED_PRECONDITION,
  KernelFeatureInUse: status.FAILED_PRECONDITION,
  ToolMissing: status.FAILED_PRECONDITION,
  Unauthenticated: status.UNAUTHENTICATED,
  PermissionDenied: status.PERMISSION_DENIED,
  TooLate: status.FAILED_PRECONDITION,
  CheckpointNotFound: status.NOT_FOUND,
  CheckpointNotReady: status.FAILED_PRECONDITION,
  NetworkUnavailable: status.FAILED_PRECONDITION,
  SourcePodReplaced: status.FAILED_PRECONDITION,
  TargetPrepareFailed: status.ABORTED,
  CopyFailed: status.ABORTED,
  FreezeFailed: status.ABORTED,
  DumpFailed: status.ABORTED,
  TransferFailed: status.ABORTED,
  VerifyFailed: status.DATA_LOSS,
  CommitFailed: status.ABORTED,
  RestoreFailed: status.ABORTED,
  CutOverFailed: status.ABORTED,
  ReleaseFailed: status.ABORTED,
  MemoryLost: status.DATA_LOSS,
  AgentUnreachable: status.UNAVAILABLE,
  DeadlineExceeded: status.DEADLINE_EXCEEDED,
  Cancelled: status.CANCELLED,
  ClientGone: status.CANCELLED,
  CoordinatorRestarted: status.ABORTED,
  Internal: status.INTERNAL,
};

export class Fault extends Error {
  readonly reason: Reason;

  /**
   * @param reason bounded code, the same in metrics, status and CLI
   * @param message what failed, where, why and what to do, in that order
   */
  constructor(reason: Reason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'Fault';
    this.reason = reason;
  }

  /** Anything thrown, as a Fault: one that is one already stays, another gets the reason given. */
  static from(thrown: unknown, reason: Reason, what?: string): Fault {
    if (thrown instanceof Fault) return thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return new Fault(reason, what === undefined ? why : `${what}: ${why}`, { cause: thrown });
  }
}

/** For a grpc-js handler's callback or a stream's `emit('error', …)`. */
export function toStatus(thrown: unknown): Partial<ServiceError> {
  const fault = Fault.from(thrown, 'Internal');
  const metadata = new Metadata();
  metadata.set(trailer, fault.reason);
  return { code: statusOf[fault.reason], details: fault.message, metadata };
}

/** A call's error as the Fault that the other side threw; one that never reached it becomes `unreachable`. */
export function fromStatus(error: unknown, unreachable: Reason = 'AgentUnreachable'): Fault {
  if (error instanceof Fault) return error;
  const { code, metadata, message, ...rest } = error as Partial<ServiceError>;
  // Around the cause grpc-js puts its own affairs.
  const details = rest.details
    ?.replace(/^No connection established\. Last error: (?:Error: )?/, '')
    .replace(/\.?\s*Resolution note:.*$/s, '');
  const named = metadata?.get(trailer)[0]?.toString();
  if (named !== undefined && named in statusOf) {
    return new Fault(named as Reason, details ?? message ?? named, { cause: error });
  }
  const reason =
    code === status.CANCELLED ? 'Cancelled' : code === status.DEADLINE_EXCEEDED ? 'DeadlineExceeded' : unreachable;
  return new Fault(reason, details ?? message ?? String(error), { cause: error });
}
