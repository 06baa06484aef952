/** A way to freeze a Redis on one node and have it run again: what the benchmark compares. */
export interface Measured {
  /** From frozen to running again, in milliseconds. */
  freezeMs: number;
  /** What it was made of, in milliseconds, in order. */
  parts: Record<string, number>;
}

export interface Way {
  readonly name: 'podferry' | 'naive' | 'raw-criu';
  readonly strategy: string;
  readonly transport: string;
  once(): Promise<Measured>;
  close(): Promise<void>;
}
