/**
 * gRPC's errors become ours here: the rest of the agent never sees one.
 */
import { type ServiceError, status } from '@grpc/grpc-js';

export type RuntimeErrorCode = keyof typeof status;

export interface RuntimeErrorFacts {
  /** The call's name in CRI or containerd, for example 'RunPodSandbox'. */
  operation: string;
  /** What it was about: a pod's namespace/name, an id, an image. */
  subject: string;
  /** What went wrong, in the runtime's words. */
  details: string;
  /** What whoever reads it can do. */
  hint?: string | undefined;
  cause?: unknown;
}

/** The container runtime refused, failed, or did not answer. */
export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  readonly operation: string;
  readonly subject: string;
  readonly hint: string | undefined;

  constructor(code: RuntimeErrorCode, { operation, subject, details, hint, cause }: RuntimeErrorFacts) {
    const about = subject === '' ? operation : `${operation} ${subject}`;
    super(`${code}: ${about}: ${details}${hint === undefined ? '' : `; ${hint}`}`, { cause });
    this.name = 'RuntimeError';
    this.code = code;
    this.operation = operation;
    this.subject = subject;
    this.hint = hint;
  }
}

/** What containerd says, and what helps. It sends many of its errors as UNKNOWN, so the words have to tell. */
const knownDetails: readonly (readonly [RegExp, string])[] = [
  [
    /no runtime for .* is configured/,
    "the runtime handler is not in containerd's config: install it and restart containerd",
  ],
  [
    /failed to reserve (sandbox|container) name/,
    'one of the same name, uid and attempt is there or being made: remove it first',
  ],
  [/failed to setup network|cni plugin not initialized/i, "look at the node's CNI configuration (/etc/cni/net.d)"],
  [/not initialized yet/, 'containerd is starting: try again'],
];

const knownCodes: Partial<Record<RuntimeErrorCode, string>> = {
  UNAVAILABLE: 'is containerd running, and is this its socket?',
  DEADLINE_EXCEEDED: "containerd's log tells what it waits for",
  UNIMPLEMENTED: 'containerd is too old, or its CRI plugin is disabled (disabled_plugins in its config)',
};

/** @param error what grpc-js gave to a call's callback */
export function translate(
  error: ServiceError,
  { operation, subject, socketPath }: { operation: string; subject: string; socketPath: string },
): RuntimeError {
  const { code, details } = reworded(error, socketPath);
  const hint = knownDetails.find(([pattern]) => pattern.test(details))?.[1] ?? knownCodes[code];
  return new RuntimeError(code, { operation, subject, details, hint, cause: error });
}

function reworded(error: ServiceError, socketPath: string): { code: RuntimeErrorCode; details: string } {
  const code = (status[error.code] ?? 'UNKNOWN') as RuntimeErrorCode;
  if (code === 'UNAVAILABLE') return { code, details: `${socketPath}: ${error.details}` };
  if (code !== 'DEADLINE_EXCEEDED') return { code, details: error.details };
  // grpc-js tells only in its details, full of its own affairs, whether the call ever went out
  if (error.details.includes('remote_addr=')) return { code, details: 'no answer before the deadline' };
  return { code: 'UNAVAILABLE', details: `nothing accepts a connection at ${socketPath}` };
}
