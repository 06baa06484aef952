/** Moves that stop where all is armed for the freeze, or in the midst of it. */
import type { Lab } from '../lab/index.ts';
import type { Attempt } from './attempt.ts';
import { holdCriu, Part } from './outage.ts';

/**
 * @param start begins to move it
 * @param container any of the pod's
 * @param act what is done when all is armed and nobody has asked for the freeze yet
 */
export async function moveUntilArmed(
  lab: Lab,
  start: () => Attempt,
  container: string,
  act: (attempt: Attempt) => Promise<void>,
): Promise<Attempt> {
  const coordinator = await Part.coordinator(lab);
  const attempt = start();
  await attempt.appears('source', `containers/${container}/go`);
  coordinator.signal('SIGSTOP');
  await attempt.source('Armed');
  await act(attempt);
  coordinator.signal('SIGCONT');
  return attempt;
}

/** It is frozen, and its CRIU has been told to dump but does not get to it until it is let go. */
export async function moveWithSlowCriu(lab: Lab, start: () => Attempt, container: string): Promise<Attempt> {
  const attempt = await moveUntilArmed(lab, start, container, (begun) => holdCriu(lab, begun.route.source));
  await attempt.source('Frozen');
  return attempt;
}
