/** How long a Redis stands still, by way; the ways take turns, so that a noisy machine is noisy for all of them. */
import type { Lab } from '../lab/index.ts';
import { type Piece, typical } from './profile/pieces.ts';
import { round, type Summary, summarise } from './quantiles.ts';
import { naive } from './ways/naive.ts';
import { podferry } from './ways/podferry.ts';
import { rawCriu } from './ways/raw-criu.ts';
import type { Measured, Way } from './ways/way.ts';

export interface FreezeOptions {
  n: number;
  sizeMb: number;
  ways: readonly string[];
  transports: readonly ('stream' | 'nfs')[];
  strategies: readonly ('stop-and-copy' | 'post-copy')[];
  profile: boolean;
}

export interface Cell extends Summary {
  bench: 'freeze';
  way: string;
  strategy: string;
  transport: string;
  sizeMb: number;
  /** Median of each part, in milliseconds, in order. */
  parts: Record<string, number>;
  /** Medians again, in detail. */
  pieces?: Piece[];
}

export async function measureFreeze(lab: Lab, options: FreezeOptions, say: (line: string) => void): Promise<Cell[]> {
  const { n, sizeMb } = options;
  const ways: Way[] = [];
  const measured = new Map<Way, Measured[]>();
  try {
    if (options.ways.includes('podferry')) {
      for (const strategy of options.strategies) {
        const possible = options.transports.filter((transport) => strategy !== 'post-copy' || transport === 'stream');
        for (const transport of possible) ways.push(await podferry(lab, sizeMb, { ...options, transport, strategy }));
      }
    }
    if (options.ways.includes('naive')) ways.push(await naive(lab, sizeMb));
    if (options.ways.includes('raw-criu')) ways.push(await rawCriu(lab, sizeMb));
    // A first run of each that does not count: caches, just-in-time compilers.
    for (let run = 0; run <= n; run += 1) {
      for (const way of ways) {
        const result = await way.once();
        if (run > 0) measured.set(way, [...(measured.get(way) ?? []), result]);
        say(`${run}/${n} ${way.name} ${way.strategy} ${way.transport}: ${round(result.freezeMs)} ms`);
      }
    }
  } finally {
    for (const way of ways)
      await way.close().catch((error: unknown) => say(`cleaning up ${way.name}: ${String(error)}`));
  }
  return ways.map((way) => cellOf(way, sizeMb, measured.get(way) ?? []));
}

function cellOf({ name, strategy, transport }: Way, sizeMb: number, runs: readonly Measured[]): Cell {
  const names = Object.keys(runs[0]?.parts ?? {});
  const parts = Object.fromEntries(
    names.map((part) => [part, summarise(runs.map((run) => run.parts[part] ?? Number.NaN)).p50]),
  );
  const profiled = runs.flatMap(({ pieces }) => (pieces === undefined ? [] : [pieces]));
  return {
    bench: 'freeze',
    way: name,
    strategy,
    transport,
    sizeMb,
    ...summarise(runs.map((run) => run.freezeMs)),
    parts,
    ...(profiled.length > 0 && { pieces: typical(profiled, (values) => summarise(values).p50) }),
  };
}
