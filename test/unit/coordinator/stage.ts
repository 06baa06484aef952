/** A coordinator of this process between fake agents, and a client of it: what most tests here begin with. */
import { join } from 'node:path';
import { pino } from 'pino';
import { type Coordinator, type Options, startCoordinator } from '../../../coordinator/coordinator.ts';
import type { Settings } from '../../../coordinator/settings.ts';
import { fromStatus } from '../../../proto/fault.ts';
import type { CoordinatorClient } from '../../../proto/gen/podferry/v1/Coordinator.ts';
import type { MigrateRequest } from '../../../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Migration__Output as Migration } from '../../../proto/gen/podferry/v1/Migration.ts';
import type { MigrationEvent__Output as MigrationEvent } from '../../../proto/gen/podferry/v1/MigrationEvent.ts';
import { coordinatorName, type Identity, openIdentity } from '../../../proto/identity.ts';
import { load } from '../../../proto/load.ts';
import { FakeAgent } from './fake-agent.ts';
import { World } from './fake-world.ts';

const log = pino({ level: process.env.PODFERRY_TEST_LOG ?? 'silent' });

export interface Stage {
  world: World;
  a: FakeAgent;
  b: FakeAgent;
  /** Every agent, for those that have more than two. */
  agents: FakeAgent[];
  coordinator: Coordinator;
  client: CoordinatorClient;
  /** A new coordinator, which knows nothing, in place of the one that is killed here. */
  restartCoordinator(): Promise<void>;
  close(): Promise<void>;
}

const quick: Options = {
  patience: { rollBackMs: 2_500, forwardMs: 2_500, firstPauseMs: 20, longestPauseMs: 100 },
  // Enough for a machine that is busy with other things.
  longestCallMs: 1_000,
  lookIntervalMs: 100,
  sweepIntervalMs: 300,
};

export async function stage(
  options: Options & { nodes?: readonly string[]; settings?: Partial<Settings>; tls?: string } = {},
): Promise<Stage> {
  const world = new World();
  const identityOf = (name: string) =>
    openIdentity(options.tls === undefined ? undefined : join(options.tls, name), log);
  const connectAs = (coordinator: Coordinator) => connect(coordinator, identityOf('client.podferry'));
  const agents = (options.nodes ?? ['node-a', 'node-b']).map(
    (node) => new FakeAgent(node, world, identityOf(`${node}.agent.podferry`).serverCredentials()),
  );
  await Promise.all(agents.map((agent) => agent.start()));
  const settings: Settings = {
    listen: { host: '127.0.0.1', port: 0 },
    metricsListen: { host: '127.0.0.1', port: 0 },
    tlsDir: undefined,
    agents: new Map(agents.map(({ node, address }) => [node, address])),
    agentSelector: undefined,
    agentPort: 7440,
    kubeconfig: undefined,
    tokenAudience: undefined,
    leaderElect: false,
    namespace: 'podferry-system',
    authority: undefined,
    pod: undefined,
    addressAnnotation: undefined,
    maxPerNode: 2,
    maxTotal: 4,
    rollBackTimeoutMs: 60_000,
    forwardTimeoutMs: 120_000,
    heldTimeoutMs: 1_800_000,
    logLevel: 'silent',
    ...options.settings,
  };
  const identity = identityOf('coordinator.podferry');
  const start = async () => await startCoordinator(settings, identity, log, { ...quick, ...options });
  const coordinator = await start();
  const [a, b] = agents as [FakeAgent, FakeAgent];
  const set: Stage = {
    world,
    a,
    b,
    agents,
    coordinator,
    client: connectAs(coordinator),
    async restartCoordinator() {
      set.client.close();
      // No grace: as if it were killed.
      await set.coordinator.close(0);
      // Clients look for it where it was.
      settings.listen = set.coordinator.listen;
      set.coordinator = await start();
      set.client = connectAs(set.coordinator);
    },
    async close() {
      set.client.close();
      await set.coordinator.close(0);
      for (const agent of agents) agent.close();
    },
  };
  world.addPod('node-a');
  return set;
}

export function connect({ listen }: Coordinator, identity: Identity): CoordinatorClient {
  return new (load('coordinator.proto').podferry.v1.Coordinator)(
    `127.0.0.1:${listen.port}`,
    identity.channelCredentials(),
    identity.channelOptions(coordinatorName),
  );
}

export const toB: MigrateRequest = { pod: { namespace: 'default', name: 'redis' }, target_node: 'node-b' };

/** Resolves with the end, and throws the Fault of a refusal. */
export async function migrate(
  { client }: Pick<Stage, 'client'>,
  request: MigrateRequest = toB,
  onEvent: (event: MigrationEvent, leave: () => void) => void = () => {},
): Promise<Migration> {
  const call = client.Migrate(request);
  return await new Promise<Migration>((resolve, reject) => {
    let last: Migration | undefined;
    call.on('data', (event: MigrationEvent) => {
      last = event.migration ?? last;
      onEvent(event, () => call.cancel());
    });
    call.on('error', (error) => reject(fromStatus(error, 'REASON_UNSPECIFIED')));
    call.on('end', () => {
      if (last !== undefined) resolve(last);
    });
  });
}

type UnaryName = 'Get' | 'List' | 'Cancel' | 'Nodes' | 'Preflight';

/** A unary call of the coordinator; throws the Fault that it answered with. */
export async function ask<Reply>({ client }: Pick<Stage, 'client'>, name: UnaryName, request: object): Promise<Reply> {
  return await new Promise<Reply>((resolve, reject) => {
    const call = client[name].bind(client) as unknown as (
      request: object,
      callback: (error: Error | null, reply: Reply) => void,
    ) => void;
    call(request, (error, reply) =>
      error === null ? resolve(reply) : reject(fromStatus(error, 'REASON_UNSPECIFIED')),
    );
  });
}
