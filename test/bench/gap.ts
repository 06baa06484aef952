/**
 * How long clients of a Redis go without an answer while it moves: a client that keeps its connection, and beside it, in
 * the same moves, one that opens a connection for each write. In a cluster, turn by turn with what Kubernetes itself does
 * (the pod is deleted, its owner makes another one), so that a noisy machine is noisy for all; or of a pod alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab/index.ts';
import { RunningWriter } from '../workloads/redis.ts';
import {
  cellOf,
  type GapCell,
  type GapClient,
  gapClients,
  type GapWay,
  type Measured,
  type OwnedWorkload,
  told,
} from './gap-cell.ts';
import { endOfMove, type Movable } from './movable/movable.ts';
import { owned } from './movable/owned.ts';
import { pod } from './movable/pod.ts';

export const gapClusters = ['kubernetes', 'cri'] as const;
export type GapCluster = (typeof gapClusters)[number];

export interface GapOptions {
  n: number;
  sizeMb: number;
  cluster: GapCluster;
  /** In a cluster; without one there is a pod. */
  workloads: readonly OwnedWorkload[];
  /** A span of time, as the CLI takes it. */
  connectionLinger: string;
}

/** What happens before and after the longest gap has to be in the picture too: where Services follow it takes longer. */
const tails: Record<GapCluster, { leadMs: number; tailMs: number }> = {
  kubernetes: { leadMs: 1_000, tailMs: 2_500 },
  cri: { leadMs: 500, tailMs: 1_000 },
};

/**
 * A client's patience with one try, in milliseconds. In a move whoever waits is answered, however long the pod stands
 * still: who gave up would count as an error what is none. A try at a pod that is gone is answered by nobody, and would
 * hide that the next one is there.
 */
const patienceMs: Record<GapWay, number> = { podferry: 15_000, recreate: 200 };

export async function measureGap(lab: Lab, options: GapOptions, say: (line: string) => void): Promise<GapCell[]> {
  const cells: GapCell[] = [];
  for (const start of startersOf(options)) {
    const movable = await start(lab);
    try {
      cells.push(...(await measureOne(lab, movable, options, say)));
    } finally {
      await movable.remove();
    }
  }
  return cells;
}

function startersOf({ cluster, workloads, sizeMb, connectionLinger }: GapOptions): ((lab: Lab) => Promise<Movable>)[] {
  if (cluster === 'cri') return [async (lab) => await pod(lab, sizeMb, connectionLinger)];
  return workloads.map((workload) => async (lab) => await owned(lab, workload, sizeMb, connectionLinger));
}

async function measureOne(
  lab: Lab,
  movable: Movable,
  { n, sizeMb, cluster }: GapOptions,
  say: (line: string) => void,
): Promise<GapCell[]> {
  const { workload, ways } = movable;
  const cells = ways.flatMap((way) =>
    gapClients.map((client) => ({ workload, way, client, sizeMb, runs: [] as Measured[] })),
  );
  // A first run of each that does not count: caches, just-in-time compilers.
  for (let run = 0; run <= n; run += 1) {
    for (const way of ways) {
      const measured = await once(lab, movable, way, { run, cluster });
      for (const cell of cells.filter((each) => each.way === way)) {
        const result = measured[cell.client];
        if (run > 0) cell.runs.push(result);
        say(`${run}/${n} ${workload} ${way} ${cell.client}: ${told(result)}`);
      }
    }
  }
  return cells.map((cell) => cellOf(cell, cell.runs));
}

async function once(
  lab: Lab,
  movable: Movable,
  way: GapWay,
  { run, cluster }: { run: number; cluster: GapCluster },
): Promise<Record<GapClient, Measured>> {
  const { address, place } = await movable.find();
  const { leadMs, tailMs } = tails[cluster];
  const start = async (mode: 'keep' | 'each') =>
    await RunningWriter.start(lab, address, {
      place,
      mode,
      timeoutMs: patienceMs[way],
      prefix: `${way}-${run}-${mode}:`,
    });
  const writers = await Promise.all([start('keep'), start('each')]);
  await sleep(leadMs);
  const left = await movable.leave(way);
  await sleep(tailMs);
  // What they have written is read from where it is by now, when nobody may forward any more.
  for (const writer of writers) writer.goTo(left.address);
  const [kept, each] = await Promise.all([writers[0].finish(), writers[1].finish()]);
  const moved = left.migration && (await endOfMove(lab, left.migration));
  const measured = (summary: Measured['summary']) => ({ summary, ...(moved && { moved }) });
  return { kept: measured(kept), new: measured(each) };
}
