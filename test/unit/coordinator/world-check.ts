/** What has to be true of the pretended world after any end whatever. */
import { expect } from 'vitest';
import { Fault } from '../../../proto/fault.ts';
import type { MigrateRequest } from '../../../proto/gen/podferry/v1/MigrateRequest.ts';
import { migrate, type Stage, toB } from './stage.ts';

export interface Result {
  /** Refused, or the phase of the end. */
  phase: string;
  reason: string | undefined;
  message: string;
}

export const freezeTimeoutMs = 1_000;

/** Of which node each call is asked, in the order of a migration. */
export const callsBeforeCommit = [
  ['b', 'PrepareTarget'],
  ['a', 'PrepareSource'],
  ['b', 'CreateTargetPod'],
  ['a', 'CopyAhead'],
  ['a', 'Arm'],
  ['a', 'FreezeAndSend'],
] as const;
export const callsAfterCommit = [
  ['b', 'Restore'],
  ['a', 'PassTraffic'],
  ['a', 'Linger'],
  ['a', 'ReleaseSource'],
  ['b', 'FinishTarget'],
] as const;
export const calls = [...callsBeforeCommit, ['a', 'Commit'], ...callsAfterCommit] as const;

/** Moves the pod from a to b and looks at what has become of it. */
export async function moveAndCheck(set: Stage, request: MigrateRequest = {}): Promise<Result> {
  const asked = { ...toB, freeze_timeout_ms: freezeTimeoutMs, linger_ms: 0, ...request };
  const result = await migrate(set, asked).then(
    ({ phase, outcome }): Result => ({ phase, reason: outcome?.reason, message: outcome?.message ?? '' }),
    (error: unknown): Result => {
      const { reason, message } = Fault.from(error, 'Internal');
      return { phase: 'Refused', reason, message };
    },
  );
  checkWorld(set, result);
  return result;
}

export function checkWorld({ world, a, b }: Stage, { phase, message }: Result): void {
  expect(world.violations).toEqual([]);
  const places = world.placesOf();
  expect(places.length).toBeLessThanOrEqual(1);
  if (phase === 'Succeeded') expect(places).toEqual(['node-b']);
  if (phase === 'RolledBack' || phase === 'Refused') expect(places).toEqual(['node-a']);
  if (phase === 'Failed') expect(message).toMatch(/node-[ab]/);
  if (phase === 'Succeeded' || phase === 'Refused') expect([a.sources.size, b.targets.size]).toEqual([0, 0]);
}
