/** One question to a pod, as any client of it could ask it, and the ways in which it may stay without an answer. */

export interface Probe {
  /**
   * Over a connection of its own, which it leaves closed.
   * @throws Missed, or the signal's reason; anything else says that this machine cannot ask
   */
  attempt(signal: AbortSignal): Promise<void>;
}

export const missKinds = ['refused', 'reset', 'timeout', 'unreachable', 'closed', 'rejected'] as const;

/** `closed`: ended in order, but without an answer. `rejected`: an answer, and it says no. */
export type MissKind = (typeof missKinds)[number];

export class Missed extends Error {
  readonly kind: MissKind;

  constructor(kind: MissKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

const kindOf: Record<string, MissKind> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  // What a firewall on the way forbids.
  EACCES: 'unreachable',
  EPERM: 'unreachable',
  // A name without an address: that of a headless service, for one, while no pod is ready.
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
};

/**
 * @returns what the probe is to throw. An error that is not in the table stays what it is: too many open files, or no
 * port left to connect from, must be seen, not counted as something that the pod did.
 */
export function missOf(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof Missed) return error;
  if (signal.aborted) return signal.reason;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const kind = kindOf[code];
  return kind === undefined ? error : new Missed(kind, message, { cause: error });
}
