/** The coordinator's gRPC service: who may call, what a request means, and how an answer or a Fault travels. */
import { type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { Fault, toStatus } from '../proto/fault.ts';
import type { Checkpoint } from '../proto/gen/podferry/v1/Checkpoint.ts';
import type { CheckpointRequest__Output } from '../proto/gen/podferry/v1/CheckpointRequest.ts';
import type { CoordinatorHandlers } from '../proto/gen/podferry/v1/Coordinator.ts';
import type { Copy } from '../proto/gen/podferry/v1/Copy.ts';
import type { GetRequest__Output } from '../proto/gen/podferry/v1/GetRequest.ts';
import type { MigrateRequest__Output } from '../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Migration__Output as Migration } from '../proto/gen/podferry/v1/Migration.ts';
import type { MigrationEvent } from '../proto/gen/podferry/v1/MigrationEvent.ts';
import type { NodesResponse } from '../proto/gen/podferry/v1/NodesResponse.ts';
import type { PodsRequest__Output } from '../proto/gen/podferry/v1/PodsRequest.ts';
import type { Identity } from '../proto/identity.ts';
import type { CheckpointName__Output } from '../proto/gen/podferry/v1/CheckpointName.ts';
import type { ListCheckpointsRequest__Output } from '../proto/gen/podferry/v1/ListCheckpointsRequest.ts';
import type { StartCopiesRequest__Output } from '../proto/gen/podferry/v1/StartCopiesRequest.ts';
import type { Agents } from './agents/agents.ts';
import type { CheckpointService } from './checkpoint/service.ts';
import type { Migrations } from './migration/migrations.ts';
import type { MigrationRecord } from './migration/record.ts';
import { checkName } from './names.ts';
import { type Caller, callerOf } from './people/caller.ts';
import type { Reviews } from './people/reviews.ts';
import { type Right, toCheckpoints, toListNodes, toListPods, toMakePods, toMigrations } from './people/rights.ts';
import { Sight } from './people/sight.ts';
import { readRequest } from './request.ts';
import { askedByAnnotation } from './resource/pod-migration.ts';

type Unary<Request, Reply> = (call: ServerUnaryCall<Request, Reply>, callback: sendUnaryData<Reply>) => void;
type Streaming<Request, Event> = (call: ServerWritableStream<Request, Event>) => void;

/**
 * Makes a migration of what a client asks for.
 * @param by undefined: nobody knows who, in plaintext
 * @throws Fault when it is refused: then nothing has been touched
 */
export type Intake = (
  request: MigrateRequest__Output,
  by: string | undefined,
  gone: AbortSignal,
) => Promise<MigrationRecord>;

export interface Front {
  intake: Intake;
  /** Throws the Fault that every call is answered with as long as another replica is the one to ask. */
  admit: () => void;
  /** Of those who show a token. Undefined: without Kubernetes, where nobody has one. */
  reviews: Pick<Reviews, 'personOf' | 'may'> | undefined;
}

export function coordinatorService(
  migrations: Migrations,
  agents: Agents,
  checkpoints: CheckpointService | undefined,
  identity: Pick<Identity, 'role'>,
  { intake, admit, reviews }: Front,
): CoordinatorHandlers {
  /** Aborts when the client goes. Throws a Fault, which becomes the call's status. */
  function unary<Request, Reply>(
    answer: (request: Request, caller: Caller, gone: AbortSignal) => Reply | Promise<Reply>,
  ): Unary<Request, Reply> {
    return (call, callback) => {
      const reply = async () => {
        const caller = await callerOf(call, identity, reviews);
        admit();
        return await answer(call.request, caller, goneOf(call));
      };
      settle(reply(), callback);
    };
  }

  function streaming<Request, Event>(
    answer: (request: Request, write: (event: Event) => void, caller: Caller, gone: AbortSignal) => Promise<void>,
  ): Streaming<Request, Event> {
    return (call) => {
      const stream = async () => {
        const caller = await callerOf(call, identity, reviews);
        admit();
        await answer(call.request, (event) => call.write(event), caller, goneOf(call));
      };
      stream().then(
        () => call.end(),
        (error: unknown) => call.emit('error', toStatus(error)),
      );
    };
  }

  return {
    Migrate: streaming(
      async (request: MigrateRequest__Output, write: (event: MigrationEvent) => void, caller, gone) => {
        await caller.need(toMigrations('create', readRequest(request).pod.namespace));
        const record = await intake(request, caller.name, gone);
        const { id } = record.plan;
        const cancel = () => {
          if (request.detach || record.committed || record.ended) return;
          cancelQuietly(
            migrations,
            id,
            new Fault('ClientGone', 'the client that asked for it went away before the commit'),
          );
        };
        if (gone.aborted) cancel();
        gone.addEventListener('abort', cancel, { once: true });
        await follow(record, write, gone);
      },
    ),
    Get: unary(async ({ id }: GetRequest__Output, caller) => (await known(id, 'get', caller)).snapshot()),
    List: unary(async ({ running_only }, caller) => {
      const sight = new Sight(caller, 'list');
      const wanted = migrations.records.filter((record) => !running_only || !record.ended);
      const seen = await Promise.all(wanted.map(async (record) => await sight.covers(record)));
      return { migrations: wanted.filter((_, at) => seen[at]).map((record) => record.snapshot()) };
    }),
    Watch: streaming(async ({ id }: GetRequest__Output, write: (event: MigrationEvent) => void, caller, gone) => {
      if (id !== '') return await follow(await known(id, 'watch', caller), write, gone);
      await followAll(migrations, new Sight(caller, 'watch'), write, gone);
    }),
    Cancel: unary(async ({ id }: GetRequest__Output, caller) => {
      await known(id, 'delete', caller);
      return migrations.cancel(id, new Fault('Cancelled', `cancelled by ${caller.name ?? 'a client'}`)).snapshot();
    }),
    Nodes: unary(async (_request, caller, gone): Promise<NodesResponse> => {
      await caller.need(toListNodes);
      await Promise.all(agents.all.map(({ node }) => agents.look(node, gone)));
      return { nodes: agents.all.map(({ node, address }) => describe(node, address ?? '')) };
    }),
    Preflight: unary(async (request, caller, gone) => {
      const wish = readRequest(request);
      await caller.need(toMigrations('create', wish.pod.namespace));
      const { plan, findings } = await migrations.examine(wish, gone);
      return { plan: plan ?? null, findings };
    }),
    Pods: unary(async ({ node, namespace }: PodsRequest__Output, caller, gone) => {
      if (namespace !== '') checkName('namespace', namespace);
      await caller.need(toListPods(namespace === '' ? undefined : namespace));
      return await migrations.podsOn(checkName('node', node), namespace, gone);
    }),
    Checkpoint: streaming(
      async (request: CheckpointRequest__Output, write: (now: Checkpoint) => void, caller, gone) => {
        await caller.need(toCheckpoints('create', request.pod?.namespace || 'default'));
        const asker = caller.name === undefined ? {} : { [askedByAnnotation]: caller.name };
        await withKubernetes(checkpoints).checkpoint(request, asker, write, gone);
      },
    ),
    ListCheckpoints: unary(async ({ namespace }: ListCheckpointsRequest__Output, caller) => {
      await caller.need(toCheckpoints('list', namespace === '' ? undefined : namespace));
      return { checkpoints: withKubernetes(checkpoints).list(namespace) };
    }),
    DeleteCheckpoint: unary(async (name: CheckpointName__Output, caller, gone) => {
      await caller.need(toCheckpoints('delete', name.namespace || 'default'));
      await withKubernetes(checkpoints).delete(name, gone);
      return {};
    }),
    StartCopies: streaming(async (request: StartCopiesRequest__Output, write: (copy: Copy) => void, caller, gone) => {
      const namespace = request.checkpoint?.namespace || 'default';
      // What was in a pod's memory comes to light again.
      await caller.need(toCheckpoints('get', namespace));
      await caller.need(toMakePods(namespace));
      await withKubernetes(checkpoints).startCopies(request, write, gone);
    }),
  };

  /** @throws Fault when there is no such migration, or it is none of the caller's affairs */
  async function known(id: string, verb: Right['verb'], caller: Caller): Promise<MigrationRecord> {
    const record = migrations.get(checkName('migration', id));
    await caller.need(toMigrations(verb, record.plan.pod?.namespace ?? ''));
    return record;
  }

  function describe(name: string, address: string) {
    const problem = agents.problemOf(name);
    return {
      name,
      address,
      ready: problem === undefined,
      facts: agents.factsOf(name) ?? null,
      problem: problem === undefined ? null : { reason: problem.reason, message: problem.message },
    };
  }
}

function withKubernetes(checkpoints: CheckpointService | undefined): CheckpointService {
  if (checkpoints !== undefined) return checkpoints;
  const why = 'checkpoints are objects of Kubernetes, and copies are pods of its';
  throw new Fault('RuntimeUnsupported', `${why}: this coordinator has none, see its --kubeconfig`);
}

function settle<Reply>(reply: Promise<Reply>, callback: sendUnaryData<Reply>): void {
  const answered = async () => {
    try {
      const value = await reply;
      callback(null, value);
    } catch (error) {
      callback(toStatus(error));
    }
  };
  void answered();
}

/** The present state, then every change, until the end or until nobody listens. */
async function follow(
  record: MigrationRecord,
  write: (event: MigrationEvent) => void,
  gone: AbortSignal,
): Promise<void> {
  write({ migration: record.snapshot(), message: '' });
  if (record.ended) return;
  await new Promise<void>((resolve) => {
    const leave = record.listen((migration, message) => {
      if (!gone.aborted) write({ migration, message });
      if (!record.ended) return;
      leave();
      resolve();
    });
    gone.addEventListener('abort', () => {
      leave();
      resolve();
    });
  });
}

/** As follow(), of every migration that the caller may see, also of those to come. Never ends by itself. */
async function followAll(
  migrations: Migrations,
  sight: Sight,
  write: (event: MigrationEvent) => void,
  gone: AbortSignal,
): Promise<void> {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  let told = Promise.resolve();
  // One after the other: nobody hears of an end before its beginning.
  const tell = (migration: Migration, message: string) => {
    told = told.then(async () => {
      if ((await sight.covers(migration)) && !gone.aborted) write({ migration, message });
    });
    told.catch(fail);
  };
  for (const record of migrations.records) tell(record.snapshot(), '');
  const leave = migrations.watch(tell);
  try {
    await Promise.race([aborted(gone), failed]);
  } finally {
    leave();
  }
}

function cancelQuietly(migrations: Migrations, id: string, why: Fault): void {
  try {
    migrations.cancel(id, why);
  } catch (error) {
    // It was committed in the same moment: then it goes on, as it would have a moment later.
    if (!(error instanceof Fault && error.reason === 'TooLate')) throw error;
  }
}

function goneOf(call: { cancelled: boolean; once(event: 'cancelled', listener: () => void): unknown }): AbortSignal {
  const gone = new AbortController();
  const leave = () => gone.abort(new Fault('ClientGone', 'the client went away'));
  if (call.cancelled) leave();
  call.once('cancelled', leave);
  return gone.signal;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
