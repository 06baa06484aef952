/** Metrics of an agent, in base units and with labels that are bounded: phases, strategies, transports, reasons. */
import { createServer } from 'node:http';
import type { Plan__Output as Plan } from '../proto/gen/podferry/v1/Plan.ts';
import type { Phase } from '../proto/phases.ts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, register } from 'prom-client';

const seconds = [0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60];

export const phaseDuration = new Histogram({
  name: 'podferry_migration_phase_duration_seconds',
  help: 'How long a phase of a migration took on this node',
  labelNames: ['phase', 'strategy', 'transport'] as const,
  buckets: seconds,
});

export const freezeDuration = new Histogram({
  name: 'podferry_source_frozen_seconds',
  help: 'How long a pod stood frozen on this node until it was killed, after it ran elsewhere, or thawed',
  labelNames: ['strategy', 'transport', 'outcome'] as const,
  buckets: seconds,
});

export const bytesMoved = new Counter({
  name: 'podferry_transfer_bytes_total',
  help: 'Bytes of pods that left or reached this node',
  labelNames: ['direction', 'transport'] as const,
});

export const sidesEnded = new Counter({
  name: 'podferry_migration_sides_total',
  help: 'Migrations that ended on this node, by side, outcome and reason',
  labelNames: ['side', 'outcome', 'reason'] as const,
});

export const inFlight = new Gauge({
  name: 'podferry_migrations_in_flight',
  help: 'Migrations in the journal of this node',
  labelNames: ['side'] as const,
});

export const nodeInfo = new Gauge({
  name: 'podferry_node_info',
  help: 'Versions of what a migration depends on; always 1',
  labelNames: ['node', 'agent', 'kernel', 'containerd', 'runc', 'criu'] as const,
});

/** Whose certificate that is; without one there is nothing that could end. */
export const ownCertificate: { expiresAt: () => number | undefined } = { expiresAt: () => undefined };

export const certificateRemaining = new Gauge({
  name: 'podferry_certificate_remaining_seconds',
  help: 'Until the own certificate is over; +Inf without one',
  collect() {
    const at = ownCertificate.expiresAt();
    this.set(at === undefined ? Number.POSITIVE_INFINITY : (at - Date.now()) / 1000);
  },
});

type Side = 'source' | 'target';

/** What is on this node now, since when in milliseconds since 1970; asked with every scrape, since clocks go on by themselves. */
export const standing: { journalled: (side: Side) => number[]; still: () => number[]; held: () => number } = {
  journalled: () => [],
  still: () => [],
  held: () => 0,
};

export const longestJournalled = new Gauge({
  name: 'podferry_migrations_longest_in_flight_seconds',
  help: 'For how long this agent has had the migration that it has had longest in its journal; 0: there is none',
  labelNames: ['side'] as const,
  collect() {
    for (const side of ['source', 'target'] as const) this.set({ side }, longest(standing.journalled(side)));
  },
});

export const longestStill = new Gauge({
  name: 'podferry_source_longest_still_seconds',
  help: 'For how long the pod that stands still longest on this node does so by now; 0: none does',
  collect() {
    this.set(longest(standing.still()));
  },
});

export const podsHeld = new Gauge({
  name: 'podferry_source_pods_held',
  help: 'Pods of StatefulSets that are kept alive on this node without their object',
  collect() {
    this.set(standing.held());
  },
});

function longest(since: readonly number[]): number {
  return since.length === 0 ? 0 : Math.max(0, Date.now() - Math.min(...since)) / 1000;
}

type Moments = readonly { name: string; unix_ms: number }[];

/** Seconds between two moments, if both have come. */
function between(moments: Moments, from: string, to: string): number | undefined {
  const at = (name: string) => moments.find((moment) => moment.name === name)?.unix_ms;
  const [start, end] = [at(from), at(to)];
  return start === undefined || end === undefined ? undefined : (end - start) / 1000;
}

export function observePhase(plan: Plan, phase: Phase, moments: Moments, from: string, to: string): void {
  const { strategy, transport } = plan;
  const duration = between(moments, from, to);
  if (duration !== undefined) phaseDuration.observe({ phase, strategy, transport }, duration);
}

export function observeFrozen(plan: Plan, outcome: string, moments: Moments, last: string): void {
  const { strategy, transport } = plan;
  const duration = between(moments, 'frozen', last);
  if (duration !== undefined) freezeDuration.observe({ strategy, transport, outcome }, duration);
}

/**
 * Serves /metrics, /healthz and /readyz.
 * @param waitsFor what keeps it from being ready; undefined when it is
 * @returns what ends it
 */
export async function serveMetrics(
  host: string,
  port: number,
  waitsFor: () => string | undefined = () => undefined,
): Promise<() => void> {
  collectDefaultMetrics();
  const server = createServer((request, response) => {
    if (request.url === '/healthz') return void response.end('ok\n');
    if (request.url === '/readyz') {
      const what = waitsFor();
      return void response.writeHead(what === undefined ? 200 : 503).end(`${what ?? 'ok'}\n`);
    }
    if (request.url !== '/metrics') return void response.writeHead(404).end('try /metrics, /healthz or /readyz\n');
    register.metrics().then(
      (text) => response.setHeader('content-type', register.contentType).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return () => server.close();
}
