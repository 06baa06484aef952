/** How this program ends, for scripts; and its errors, for people. */
import { Fault, type Reason } from '../../proto/fault.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { isMoved } from './progress.ts';
import { Unreachable } from './way/connection.ts';

export const exitCode = {
  succeeded: 0,
  rolledBack: 1,
  /** Usage, or a refusal: nothing was touched. */
  refused: 2,
  failed: 3,
  unreachable: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

export function codeOf(migration: Migration): ExitCode {
  const { phase } = migration;
  if (phase === 'Succeeded' || isMoved(migration)) return exitCode.succeeded;
  return phase === 'RolledBack' ? exitCode.rolledBack : exitCode.failed;
}

/** What helps, beyond what the message says already. */
const hints: Partial<Record<Reason, string>> = {
  PodNotFound: 'the namespace is that of your context, or default, unless you say -n',
  NodeNotFound: '"kubectl migrate nodes" lists the nodes that have an agent',
  NodeNotReady: '"kubectl migrate nodes" shows which agents answer, and why not',
  AgentUnreachable: '"kubectl migrate nodes" shows which agents answer, and why not',
  MigrationInProgress: '"kubectl migrate list" shows what is under way',
  MigrationNotFound: '"kubectl migrate list" shows what is known',
  CheckpointNotFound: '"kubectl checkpoint list" shows those that there are',
  DeadlineExceeded: 'give it more time with --timeout or --freeze-timeout',
  Unauthenticated:
    "a certificate in --tls-dir has to come from this cluster's authority, a token in --token-file from its Kubernetes",
  PermissionDenied: 'a certificate has to be one of client.podferry; of a token "kubectl auth can-i" tells the same',
};

/** @returns lines for stderr, and how to end */
export function explain(thrown: unknown): { lines: string[]; code: ExitCode } {
  if (thrown instanceof Unreachable) {
    return { lines: [`error: ${thrown.message}`, `hint: ${thrown.hint}`], code: exitCode.unreachable };
  }
  const { reason, message } = Fault.from(thrown, 'Internal');
  return { lines: reasonLines(reason, message), code: reason === 'Internal' ? exitCode.failed : exitCode.refused };
}

export function reasonLines(reason: Reason, message: string): string[] {
  const hint = hints[reason];
  return [`error: ${reason}: ${message}`, ...(hint === undefined ? [] : [`hint: ${hint}`])];
}
