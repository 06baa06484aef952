/** A whole coordinator in this process: what main.ts starts, and what tests start beside fake agents. */
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { Server } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { Fault } from '../proto/fault.ts';
import type { Identity } from '../proto/identity.ts';
import { load as loadProto } from '../proto/load.ts';
import { Agent } from './agents/agent.ts';
import { Agents } from './agents/agents.ts';
import { Discovery } from './agents/discovery.ts';
import { Checkpoints, noHalves } from './checkpoint/checkpoints.ts';
import { criCluster } from './cluster/cri.ts';
import { connectKubernetes } from './cluster/kubernetes/client.ts';
import { kubernetesCluster } from './cluster/kubernetes/kubernetes.ts';
import type { OpenAuthority } from './identity/open.ts';
import { listen } from './listen.ts';
import { Metrics, serveMetrics } from './metrics.ts';
import { Migrations } from './migration/migrations.ts';
import { Queue } from './migration/queue.ts';
import { defaultPatience, type Patience } from './migration/patience.ts';
import { Sweep } from './migration/sweep.ts';
import { Reviews } from './people/reviews.ts';
import { newId, readRequest } from './request.ts';
import { Controller } from './resource/controller.ts';
import { Leadership } from './resource/leader.ts';
import { LeaderLabel } from './resource/leader-label.ts';
import { coordinatorService } from './server.ts';
import type { Address, Settings } from './settings.ts';

/** For what is still to be said of what has just ended. */
const lastWordsMs = 3_000;

export interface Options {
  patience?: Partial<Patience>;
  /** Caps the deadline of every call to an agent, in milliseconds. */
  longestCallMs?: number;
  /** Between two looks at an agent, in milliseconds. */
  lookIntervalMs?: number;
  /** Between two tries at what could not be brought to an end, in milliseconds. */
  sweepIntervalMs?: number;
}

export interface Coordinator {
  listen: Address;
  metricsListen: Address;
  migrations: Migrations;
  /** Resolves when another one leads: this one may do nothing more, and has to be closed without grace. */
  lost: Promise<Fault>;
  /** @param graceMs for what runs: what is not committed rolls back, what is committed is finished; 0 leaves it as it is */
  close(graceMs: number): Promise<void>;
}

export async function startCoordinator(
  settings: Settings,
  identity: Identity,
  log: Logger,
  options: Options = {},
  authority?: Pick<OpenAuthority, 'service' | 'lead'>,
): Promise<Coordinator> {
  const closing = new AbortController();
  const agents = new Agents((node, place) => new Agent(node, place, identity, options.longestCallMs), log);
  for (const [node, address] of settings.agents ?? []) agents.place(node, { address });
  const queue = new Queue({ perNode: settings.maxPerNode, total: settings.maxTotal });
  const demand = (node: string) => queue.demand(node);
  const kubernetes = settings.kubeconfig === undefined ? undefined : connectKubernetes(settings.kubeconfig);
  const cluster =
    kubernetes === undefined
      ? criCluster(agents, demand, settings.addressAnnotation)
      : kubernetesCluster(kubernetes, settings.namespace, agents, demand, settings.addressAnnotation);
  const metrics = new Metrics(
    queue,
    agents,
    () => leadership?.leading ?? begun,
    () => identity.expiresAt,
    () => migrations.connections,
  );
  const { rollBackTimeoutMs: rollBackMs, forwardTimeoutMs: forwardMs, heldTimeoutMs: heldMs } = settings;
  const limits = { rollBackMs, forwardMs, heldMs };
  const patience = { ...defaultPatience, ...limits, ...options.patience };
  const migrations = new Migrations({ agents, cluster, queue, patience, log, tally: metrics });
  logPhases(migrations, log);
  const checkpoints =
    kubernetes === undefined ? undefined : new Checkpoints({ kubernetes, cluster, agents, queue, patience, log });
  const sweep = new Sweep(
    agents,
    migrations,
    checkpoints ?? noHalves(log),
    log,
    options.sweepIntervalMs ?? 60_000,
    closing.signal,
  );
  agents.onAnswer((node, facts, came) => sweep.answered(node, facts, came));

  const objects = kubernetes === undefined ? undefined : new Controller(kubernetes, migrations, agents, log);
  const leadership =
    kubernetes === undefined || !settings.leaderElect
      ? undefined
      : new Leadership(kubernetes, settings.namespace, `${hostname()}_${newId()}`, log);
  const { namespace, agentSelector: selector, agentPort: port, pod } = settings;
  const discovery =
    kubernetes === undefined || selector === undefined
      ? undefined
      : new Discovery(kubernetes, { namespace, selector, port }, agents, log);
  const label =
    kubernetes === undefined || pod === undefined ? undefined : new LeaderLabel(kubernetes, { namespace, pod }, log);
  const busy = (node: string) => queue.load(node) > 0;
  let begun = false;
  let watching = Promise.resolve();
  const begin = async () => {
    // Agents look for it by its Service, also for what they need before they can be asked.
    label?.lead();
    // Agents that nobody has told whom to trust cannot even ask who they are.
    authority?.lead(closing.signal);
    await discovery?.start(busy, closing.signal);
    // Asked before anybody can ask for something new: a pod in the middle of a migration must not get a second one.
    await Promise.all(agents.all.map(({ node }) => agents.look(node, closing.signal)));
    closing.signal.throwIfAborted();
    watching = agents.watch(options.lookIntervalMs ?? 5_000, busy, closing.signal);
    objects?.start();
    checkpoints?.start();
    begun = true;
  };
  label?.start();
  // An API server that is away must not keep it from saying that it is there.
  if (leadership === undefined && discovery === undefined) await begin();

  const reviews =
    kubernetes === undefined ? undefined : new Reviews(kubernetes.config, settings.tokenAudience, closing.signal);
  const admit = () => {
    leadership?.admit();
    if (!begun)
      throw new Fault('NodeNotReady', 'this coordinator has begun to lead and still asks agents what they hold');
  };
  const server = new Server({ 'grpc.max_receive_message_length': 1 << 20 });
  server.addService(
    loadProto('coordinator.proto').podferry.v1.Coordinator.service,
    coordinatorService(migrations, agents, checkpoints?.service, identity, {
      intake: async (request, by, gone) =>
        objects === undefined
          ? await migrations.start(readRequest(request), gone)
          : await objects.intake(request, by, gone),
      admit,
      reviews,
    }),
  );
  if (authority !== undefined)
    server.addService(loadProto('authority.proto').podferry.v1.Authority.service, { ...authority.service });
  const listening = await listen(server, settings.listen, identity, reviews !== undefined);
  const http = await serveMetrics(metrics, settings.metricsListen, admit);
  leadership?.start();
  const leads = leadership?.won ?? Promise.resolve();
  if (!begun)
    leads.then(begin).catch((error: unknown) => closing.signal.aborted || log.error({ err: error }, 'cannot begin'));
  return {
    listen: { ...settings.listen, port: listening.port },
    metricsListen: { ...settings.metricsListen, port: (http.address() as AddressInfo).port },
    migrations,
    lost: leadership?.lost ?? new Promise(() => {}),
    async close(graceMs) {
      objects?.stop();
      checkpoints?.stop();
      await Promise.all([migrations.close(graceMs), checkpoints?.end(graceMs)]);
      await Promise.all([objects, checkpoints].map(async (each) => await each?.close(Math.min(graceMs, lastWordsMs))));
      closing.abort(new Fault('Cancelled', 'the coordinator is shutting down'));
      await Promise.all([label?.close(), leadership?.close()]);
      await Promise.all([watching, discovery?.ended()]);
      listening.close();
      await shutDown(server, http);
      agents.close();
    },
  };
}

/** Every change of phase, once. */
function logPhases(migrations: Migrations, log: Logger): void {
  const last = new Map<string, string>();
  migrations.watch(({ id, phase, freeze_ms, total_ms, bytes_done, outcome }) => {
    if (last.get(id) === phase) return;
    last.set(id, phase);
    const ended = phase === 'Succeeded' || phase === 'RolledBack' || phase === 'Failed';
    if (ended) last.delete(id);
    const facts = ended ? { freezeMs: freeze_ms, totalMs: total_ms, bytes: bytes_done, reason: outcome?.reason } : {};
    log.info({ migration: id, phase, ...facts }, `${id} is ${phase}`);
  });
}

async function shutDown(server: Server, http: HttpServer): Promise<void> {
  // Streams have had their last event by now; who watches without end does not keep us.
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), 500);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
  http.closeAllConnections();
  await new Promise<void>((resolve) => {
    http.close(() => resolve());
  });
}
