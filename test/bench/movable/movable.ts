/** A Redis that leaves its node while clients use it: where they find it, and in which ways it can leave. */
import { kubectlMigrate } from '../../integration/attempt.ts';
import type { Migration } from '../../integration/migrate.ts';
import type { Lab, NodeName, Place } from '../../lab/index.ts';
import type { GapWay, GapWorkload } from '../gap-cell.ts';

export interface Movable {
  readonly workload: GapWorkload;
  readonly ways: readonly GapWay[];
  /** It runs and is filled. The clients' address, and where they are to run. */
  find(): Promise<{ address: string; place: Place }>;
  /** Resolves when it serves where it is then. */
  leave(way: GapWay): Promise<Left>;
  remove(): Promise<void>;
}

export interface Left {
  /** Where it is known by. */
  address: string;
  /** Undefined: it was not moved, but made again. */
  migration?: Migration;
}

/** @param connectionLinger a span of time as the CLI takes it. @throws with what the CLI said */
export async function moveTo(lab: Lab, pod: string, to: NodeName, connectionLinger: string): Promise<Migration> {
  const { code, migration, stderr } = await kubectlMigrate(
    lab,
    pod,
    '--to',
    to,
    '--connection-linger',
    connectionLinger,
    '--wait',
    'moved',
  );
  if (code !== 0 || migration === undefined) throw new Error(`${pod} was not moved to ${to}: ${stderr}`);
  return migration;
}

/** Waits until no connection needs the source any more. @returns it as it is then, with all of its moments */
export async function endOfMove(lab: Lab, { id, pod }: Migration): Promise<Migration> {
  const { code, migration, stderr } = await kubectlMigrate(lab, 'watch', id);
  if (code !== 0 || migration === undefined) throw new Error(`the move of ${pod} did not come to its end: ${stderr}`);
  return migration;
}
