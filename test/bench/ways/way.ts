/** A way to freeze a Redis on one node and have it run again: what the benchmark compares. */
import type { Piece } from '../profile/pieces.ts';

export interface Measured {
  /** From frozen to running again, in milliseconds. */
  freezeMs: number;
  /** What it was made of, in milliseconds, in order. */
  parts: Record<string, number>;
  /** The same in detail, where it was asked for. */
  pieces?: Piece[];
}

export interface Way {
  readonly name: 'podferry' | 'naive' | 'raw-criu';
  readonly strategy: string;
  readonly transport: string;
  once(): Promise<Measured>;
  close(): Promise<void>;
}
