/** What is counted, as typed constants in base units; labels are bounded by the enums of proto/migration.proto. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Fault } from '../proto/fault.ts';
import type { Migration__Output as Migration } from '../proto/gen/podferry/v1/Migration.ts';
import type { Agents } from './agents/agents.ts';
import type { Tally } from './migration/migrations.ts';
import type { Queue } from './migration/queue.ts';

/** Around the 180 ms that a freeze may take, and up to what a large pod needs. */
const freezeBuckets = [0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.18, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10, 30];
const phaseBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export class Metrics implements Tally {
  readonly registry = new Registry();
  readonly #outcomes = new Counter({
    name: 'podferry_coordinator_migrations_total',
    help: 'Migrations by how they ended: Succeeded, RolledBack, Failed or Refused.',
    labelNames: ['outcome', 'reason', 'strategy', 'transport'],
    registers: [this.registry],
  });
  readonly #phases = new Histogram({
    name: 'podferry_migration_phase_duration_seconds',
    help: 'Time that a migration spent in a phase.',
    labelNames: ['phase', 'strategy', 'transport'],
    buckets: phaseBuckets,
    registers: [this.registry],
  });
  readonly #freeze = new Histogram({
    name: 'podferry_migration_freeze_seconds',
    help: 'From the source frozen to the processes running at the target.',
    labelNames: ['strategy', 'transport'],
    buckets: freezeBuckets,
    registers: [this.registry],
  });
  readonly #bytes = new Counter({
    name: 'podferry_migration_bytes_total',
    help: 'Bytes that migrations moved, also those that did not succeed.',
    labelNames: ['strategy', 'transport'],
    registers: [this.registry],
  });

  /**
   * @param leads whether this coordinator is the one to ask, of all that there are
   * @param connections that still go by way of the nodes that pods have left
   * @param expiresAt of the own certificate, in milliseconds since 1970; undefined: there is none
   */
  constructor(
    queue: Queue,
    agents: Pick<Agents, 'states'>,
    leads: () => boolean,
    expiresAt: () => number | undefined = () => undefined,
    connections: () => { kept: number; forwarded: number } = () => ({ kept: 0, forwarded: 0 }),
  ) {
    collectDefaultMetrics({ register: this.registry });
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers: [this.registry],
        collect() {
          this.set(read());
        },
      });
    gauge('podferry_coordinator_migrations_in_flight', 'Migrations under way.', () => queue.running);
    gauge('podferry_coordinator_migrations_queued', 'Migrations that wait for their turn.', () => queue.waiting);
    gauge('podferry_certificate_remaining_seconds', 'Until the own certificate is over; +Inf without one.', () =>
      secondsUntil(expiresAt()),
    );
    gauge('podferry_coordinator_leading', '1: this coordinator leads; 0: another one does, or none.', () =>
      leads() ? 1 : 0,
    );
    const lingering: Gauge<'state'> = new Gauge({
      name: 'podferry_connections',
      help: 'Connections that go by way of a node that their pod has left: kept from before the move, or forwarded since.',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        const { kept, forwarded } = connections();
        lingering.set({ state: 'kept' }, kept);
        lingering.set({ state: 'forwarded' }, forwarded);
      },
    });
    const nodes: Gauge<'state'> = new Gauge({
      name: 'podferry_coordinator_agents',
      help: 'Nodes whose agent is ready, or absent: it does not answer, or its pod is gone. Only who leads asks them.',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        const states = [...agents.states.values()];
        for (const state of ['ready', 'absent'] as const)
          nodes.set({ state }, states.filter((each) => each === state).length);
      },
    });
    const ready: Gauge<'node'> = new Gauge({
      name: 'podferry_coordinator_agent_ready',
      help: 'Of each node, as podferry_coordinator_agents counts them: 1 if its agent is ready, 0 if it is absent.',
      labelNames: ['node'],
      registers: [this.registry],
      collect() {
        // Nodes that have left the cluster leave here, too.
        ready.reset();
        for (const [node, state] of agents.states) ready.set({ node }, state === 'ready' ? 1 : 0);
      },
    });
  }

  refused: Tally['refused'] = ({ strategy, transport }, { reason }) => {
    this.#outcomes.inc({ outcome: 'Refused', reason, strategy, transport });
  };

  ended: Tally['ended'] = (migration: Migration) => {
    const { plan, phase, outcome, phases, freeze_ms, bytes_done } = migration;
    const labels = { strategy: String(plan?.strategy), transport: String(plan?.transport) };
    this.#outcomes.inc({ outcome: phase, reason: outcome?.reason ?? 'none', ...labels });
    for (const { phase, duration_ms } of phases) {
      this.#phases.observe({ phase, ...labels }, duration_ms / 1_000);
    }
    if (phase === 'Succeeded' && freeze_ms > 0) this.#freeze.observe(labels, freeze_ms / 1_000);
    this.#bytes.inc(labels, Number(bytes_done));
  };
}

function secondsUntil(moment: number | undefined): number {
  return moment === undefined ? Number.POSITIVE_INFINITY : (moment - Date.now()) / 1_000;
}

/**
 * GET /metrics, and for who watches over this process /healthz and /readyz.
 * @param admit throws the Fault that clients are answered with as long as this is not the one to ask
 */
export async function serveMetrics(
  { registry }: Metrics,
  { host, port }: { host: string; port: number },
  admit: () => void,
): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = async () => {
      if (request.url === '/healthz') return response.end('ok\n');
      if (request.url === '/readyz') return sayWhether(admit, response);
      if (request.url !== '/metrics') return response.writeHead(404).end('there are /metrics, /healthz and /readyz\n');
      const text = await registry.metrics();
      return response.setHeader('content-type', registry.contentType).end(text);
    };
    answer().catch((error: unknown) => response.writeHead(500).end(`${String(error)}\n`));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

function sayWhether(admit: () => void, response: ServerResponse): void {
  try {
    admit();
    response.end('ok\n');
  } catch (error) {
    response.writeHead(503).end(`${Fault.from(error, 'Internal').message}\n`);
  }
}
