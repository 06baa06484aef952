/** The agent's gRPC service: who may ask, what a request means, what an answer looks like. */
import type { sendUnaryData, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { AgentHandlers } from '../proto/gen/podferry/v1/Agent.ts';
import type { Hold as HoldState } from '../proto/gen/podferry/v1/Hold.ts';
import type { NodeFacts } from '../proto/gen/podferry/v1/NodeFacts.ts';
import type { Plan__Output } from '../proto/gen/podferry/v1/Plan.ts';
import type { Progress } from '../proto/gen/podferry/v1/Progress.ts';
import type { SourceState } from '../proto/gen/podferry/v1/SourceState.ts';
import type { TargetState } from '../proto/gen/podferry/v1/TargetState.ts';
import { Fault, toStatus } from '../proto/fault.ts';
import { type Identity, requireRole } from '../proto/identity.ts';
import type { Phase } from '../proto/phases.ts';
import type { Agent } from './agent.ts';
import { readSharedMounts } from './preflight/shared.ts';
import { manifestOf, preflightSource } from './preflight/source.ts';
import { preflightStrategy } from './preflight/strategy.ts';
import { preflightTarget } from './preflight/target.ts';
import { checkManifest } from './plan.ts';
import type { Hold } from './source/hold.ts';
import type { SourceMigration } from './source/source.ts';
import { lacksMemory, type TargetMigration } from './target/target.ts';

export interface ServerParts {
  agent: Agent;
  identity: Identity;
  log: Logger;
  dataAddress: string;
  facts: () => Promise<NodeFacts>;
}

type Unary<Request, Response> = (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>) => void;
type Streaming<Request> = (call: ServerWritableStream<Request, Progress>) => void;

export function handlers({ agent, identity, log, dataAddress, facts }: ServerParts): AgentHandlers {
  /** Only the coordinator commands an agent; what it asks is answered or refused with a reason. */
  function unary<Request, Response>(
    name: string,
    act: (request: Request, signal: AbortSignal) => Promise<Response> | Response,
  ): Unary<Request, Response> {
    return (call, done) => {
      const began = performance.now();
      const asked = async () => {
        requireRole(call, identity, 'coordinator');
        return await act(call.request, cancellation(call));
      };
      asked().then(
        (response) => {
          done(null, response);
          tellStep(log, name, call.request, began);
        },
        (error: unknown) => {
          report(log, name, call.request, error);
          done(toStatus(error));
        },
      );
    };
  }

  function streaming<Request extends object>(
    name: string,
    act: (request: Request, tell: (progress: Progress) => void, signal: AbortSignal) => Promise<SourceMigration>,
  ): Streaming<Request> {
    return (call) => {
      const began = performance.now();
      const asked = async () => {
        requireRole(call, identity, 'coordinator');
        return await act(call.request, (progress) => call.write(progress), cancellation(call));
      };
      asked().then(
        (source) => {
          call.write({ state: sourceState(source) });
          call.end();
          tellStep(log, name, call.request, began);
        },
        (error: unknown) => {
          report(log, name, call.request, error);
          call.emit('error', toStatus(error));
        },
      );
    };
  }

  return {
    Facts: unary('Facts', facts),
    ListPods: unary('ListPods', async ({ pod }) => {
      const { node } = await agent.lookAgain();
      // What is here for connections alone has the name of what it has become.
      const all = (await agent.runtime.listPods()).filter(({ id }) => !agent.sources.hasLeft(id));
      const wanted = all.filter(
        ({ name, namespace }) => !pod?.name || (name === pod.name && (!pod.namespace || namespace === pod.namespace)),
      );
      return {
        pods: wanted.map((each) => ({
          ref: { namespace: each.namespace, name: each.name, uid: each.uid },
          node,
          sandbox_id: each.id,
          state: each.state === 'ready' ? 'READY' : 'NOTREADY',
          handler: each.runtimeHandler,
        })),
      };
    }),
    ListMigrations: unary('ListMigrations', () => ({
      sources: [...agent.sources.all.values()].map((source) => sourceState(source)),
      targets: [...agent.targets.all.values()].map((target) => targetState(target)),
      holds: agent.sources.holds.all.map((held) => holdState(held)),
    })),
    PreflightSource: unary('PreflightSource', async ({ pod, transport, strategy, shared_mounts }) => {
      if (pod === null) throw new Fault('InvalidArgument', 'no pod is named');
      const shared = readSharedMounts(shared_mounts);
      const situation = await agent.lookAgain();
      const described = await agent.describe(pod);
      agent.sending({ transport });
      const findings = [
        ...situation.problems,
        ...preflightStrategy({ strategy, transport }, described.containers.length, situation),
        ...preflightSource(described, shared),
      ];
      return { findings, manifest: manifestOf(described, situation.cpuFlags) };
    }),
    PreflightTarget: unary('PreflightTarget', async ({ manifest: given, transport, strategy, pulls }) => {
      const manifest = checkManifest(given);
      const situation = await agent.lookAgain();
      agent.sending({ transport });
      return {
        findings: [
          ...situation.problems,
          ...preflightStrategy({ strategy, transport }, manifest.containers.length, situation),
          ...(await preflightTarget(manifest, agent.runtime, situation, pulls)),
        ],
      };
    }),

    PrepareTarget: unary('PrepareTarget', async (request) => {
      const { target, token } = await agent.targets.prepare(request);
      return { ...targetState(target), data_address: dataAddress, token };
    }),
    CreateTargetPod: unary('CreateTargetPod', async ({ migration }, signal) =>
      targetState(await agent.targets.createPod(migration, signal)),
    ),
    AwaitTargetPod: unary('AwaitTargetPod', async (request, signal) =>
      targetState(await agent.targets.awaitPod(request, signal)),
    ),
    Receive: unary('Receive', async ({ migration }, signal) =>
      targetState(await agent.targets.receive(migration, signal)),
    ),
    Restore: unary('Restore', async ({ migration }, signal) =>
      targetState(await agent.targets.restore(migration, signal)),
    ),
    FinishTarget: unary('FinishTarget', async ({ migration }) => targetState(await agent.targets.finish(migration))),
    DiscardTarget: unary('DiscardTarget', async (request) => targetState(await agent.targets.discard(request))),

    PrepareSource: unary('PrepareSource', async (request, signal) =>
      sourceState(await agent.sources.prepare(request, signal)),
    ),
    CopyAhead: streaming('CopyAhead', async ({ migration }, tell, signal) => {
      const progress = (bytes: number, total: number) =>
        tell({ phase: 'PreCopying', bytes_done: String(bytes), bytes_total: String(total) });
      return await agent.sources.copyAhead(migration, progress, signal);
    }),
    HoldSource: unary('HoldSource', async (request, signal) => holdState(await agent.sources.hold(request, signal))),
    LiftHold: unary('LiftHold', async ({ migration, end, grace_seconds }) => {
      const { holds } = agent.sources;
      return holdState(end ? await holds.end(migration, grace_seconds) : holds.lift(migration));
    }),
    Arm: unary('Arm', async (request, signal) => sourceState(await agent.sources.arm(request, signal))),
    FreezeAndSend: streaming('FreezeAndSend', async ({ migration }, tell, signal) => {
      const enter = (phase: Phase, bytesTotal = 0) => tell({ phase, bytes_total: String(bytesTotal) });
      return await agent.sources.freezeAndSend(migration, enter, signal);
    }),
    Commit: unary('Commit', ({ migration }) => sourceState(agent.sources.commit(migration))),
    Revoke: unary('Revoke', ({ migration }) => sourceState(agent.sources.revoke(migration))),
    RollBackSource: unary('RollBackSource', async ({ migration }) =>
      sourceState(await agent.sources.rollBack(migration)),
    ),
    PassTraffic: unary('PassTraffic', async ({ migration }, signal) =>
      sourceState(await agent.sources.passTraffic(migration, signal)),
    ),
    Follow: streaming('Follow', async ({ migration }, tell, signal) => {
      const progress = (bytes: number, total: number) =>
        tell({ phase: 'Completing', bytes_done: String(bytes), bytes_total: String(total) });
      return await agent.sources.follow(migration, progress, signal);
    }),
    Linger: streaming('Linger', async ({ migration }, tell, signal) => {
      return await agent.sources.linger(migration, (connections) => tell({ connections }), signal);
    }),
    ReleaseSource: unary('ReleaseSource', async ({ migration }, signal) =>
      sourceState(await agent.sources.release(migration, signal)),
    ),

    ReadCheckpoint: unary('ReadCheckpoint', async (ref, signal) => {
      await agent.lookAgain();
      const stored = await agent.checkpoints().open(ref);
      return { manifest: checkManifest(await stored.manifest(signal)), directory: stored.directory };
    }),
    RemoveCheckpoint: unary('RemoveCheckpoint', async ({ id }) => {
      await agent.lookAgain();
      await agent.checkpoints().erase(id);
      return {};
    }),
  };
}

/** Aborts when the caller has gone or its deadline is over. */
function cancellation(call: {
  on(event: 'cancelled', listener: () => void): unknown;
  cancelled: boolean;
}): AbortSignal {
  const controller = new AbortController();
  if (call.cancelled) controller.abort(new Fault('Cancelled', 'the coordinator gave this step up before it began'));
  call.on('cancelled', () => controller.abort(new Fault('Cancelled', 'the coordinator has given this step up')));
  return controller.signal;
}

function migrationOf(request: unknown): string | undefined {
  const { migration, plan } = request as { migration?: string; plan?: Plan__Output | null };
  return migration ?? plan?.id;
}

/** After the answer, so that it costs no frozen time. Calls that belong to no migration are not worth a line. */
function tellStep(log: Logger, call: string, request: unknown, began: number): void {
  const migration = migrationOf(request);
  if (migration !== undefined) log.info({ migration, call, ms: Math.round(performance.now() - began) }, 'step done');
}

function report(log: Logger, call: string, request: unknown, error: unknown): void {
  const fault = Fault.from(error, 'Internal');
  const level = fault.reason === 'Internal' ? 'error' : 'warn';
  log[level]({ migration: migrationOf(request), call, reason: fault.reason, err: error }, fault.message);
}

function sourceState({ record, connections }: SourceMigration): SourceState {
  const { plan, step, moments, fault, details } = record;
  const { dumpedBytes, receipt } = details;
  const checkpoint =
    plan.checkpoint === null || receipt === undefined ? null : { id: plan.checkpoint.id, digest: receipt.digest };
  const bytes = { dumped_bytes: String(dumpedBytes), sent_bytes: String(receipt?.bytes ?? 0) };
  return { migration: plan.id, step, plan, moments, fault, ...bytes, checkpoint, connections: connections ?? null };
}

function holdState(held: Hold | undefined): HoldState {
  return held === undefined
    ? { plan: null, object_json: '', until_unix_ms: 0 }
    : { plan: held.plan, object_json: held.objectJson, until_unix_ms: held.untilUnixMs };
}

function targetState({ record }: TargetMigration): TargetState {
  const { plan, step, moments, fault, details } = record;
  const { podIps, mac, sandboxId, keptImages } = details;
  const addresses = { pod_ip: podIps[0] ?? '', pod_ips: podIps, pod_mac: mac };
  return {
    migration: plan.id,
    step,
    plan,
    moments,
    fault,
    ...addresses,
    sandbox_id: sandboxId,
    images: keptImages,
    lacks_memory: lacksMemory(record),
  };
}
