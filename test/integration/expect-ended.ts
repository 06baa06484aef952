/** How a migration is to end: for people, for scripts, and at the very phase that the test meant. */
import { expect } from 'vitest';
import type { Phase } from '../../proto/phases.ts';
import type { Reason } from '../../proto/fault.ts';
import { exitCode } from '../../coordinator/cli/exit.ts';
import type { Migrated } from './migrate.ts';

/** Told a moment after they begin, and each lasts for a few milliseconds. */
export const whileFrozen = ['Freezing', 'Dumping', 'Transferring'] as const;

/** @param during the last phase, or any of several where the moment is not that exact */
export function expectRolledBack(
  { code, migration, stderr }: Migrated,
  reason: Reason,
  ...during: readonly Phase[]
): void {
  expect(migration, stderr).toMatchObject({ phase: 'RolledBack', reason, committed: false });
  expect(during).toContain(Object.keys(migration?.phases ?? {}).at(-1));
  expect(migration?.message).toContain('The pod runs on at node-a');
  expect(stderr).toContain(`error: ${reason}: `);
  expect(code).toBe(exitCode.rolledBack);
}

export function expectSucceeded({ code, migration, stderr }: Migrated): void {
  expect(migration, stderr).toMatchObject({ phase: 'Succeeded', committed: true });
  expect(code).toBe(exitCode.succeeded);
}
