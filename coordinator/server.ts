/** The coordinator's gRPC service: who may call, what a request means, and how an answer or a Fault travels. */
import { type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { Fault, toStatus } from '../proto/fault.ts';
import type { Checkpoint } from '../proto/gen/podferry/v1/Checkpoint.ts';
import type { CheckpointRequest__Output } from '../proto/gen/podferry/v1/CheckpointRequest.ts';
import type { CoordinatorHandlers } from '../proto/gen/podferry/v1/Coordinator.ts';
import type { Copy } from '../proto/gen/podferry/v1/Copy.ts';
import type { GetRequest__Output } from '../proto/gen/podferry/v1/GetRequest.ts';
import type { MigrateRequest__Output } from '../proto/gen/podferry/v1/MigrateRequest.ts';
import type { MigrationEvent } from '../proto/gen/podferry/v1/MigrationEvent.ts';
import type { NodesResponse } from '../proto/gen/podferry/v1/NodesResponse.ts';
import type { StartCopiesRequest__Output } from '../proto/gen/podferry/v1/StartCopiesRequest.ts';
import { type Identity, requireRole, type Role } from '../proto/identity.ts';
import type { Agents } from './agents/agents.ts';
import type { CheckpointService } from './checkpoint/service.ts';
import type { Migrations } from './migration/migrations.ts';
import type { MigrationRecord } from './migration/record.ts';
import { checkName } from './names.ts';
import { readRequest } from './request.ts';
import { nameOf } from './resource/controller.ts';
import { askedByAnnotation } from './resource/pod-migration.ts';

type Unary<Request, Reply> = (call: ServerUnaryCall<Request, Reply>, callback: sendUnaryData<Reply>) => void;
type Streaming<Request, Event> = (call: ServerWritableStream<Request, Event>) => void;

/**
 * Makes a migration of what a client asks for.
 * @param by undefined in plaintext
 * @throws Fault when it is refused: then nothing has been touched
 */
export type Intake = (
  request: MigrateRequest__Output,
  by: Role | undefined,
  gone: AbortSignal,
) => Promise<MigrationRecord>;

export interface Front {
  intake: Intake;
  /** Throws the Fault that every call is answered with as long as another replica is the one to ask. */
  admit: () => void;
}

export function coordinatorService(
  migrations: Migrations,
  agents: Agents,
  checkpoints: CheckpointService | undefined,
  identity: Pick<Identity, 'role'>,
  { intake, admit }: Front,
): CoordinatorHandlers {
  /** Aborts when the client goes. Throws a Fault, which becomes the call's status. */
  function unary<Request, Reply>(
    answer: (request: Request, gone: AbortSignal) => Reply | Promise<Reply>,
  ): Unary<Request, Reply> {
    return (call, callback) => {
      const reply = async () => {
        requireRole(call, identity, 'client', 'coordinator');
        admit();
        return await answer(call.request, goneOf(call));
      };
      settle(reply(), callback);
    };
  }

  function streaming<Request, Event>(
    answer: (request: Request, write: (event: Event) => void, gone: AbortSignal, by: Role | undefined) => Promise<void>,
  ): Streaming<Request, Event> {
    return (call) => {
      const stream = async () => {
        const by = requireRole(call, identity, 'client', 'coordinator');
        admit();
        await answer(call.request, (event) => call.write(event), goneOf(call), by);
      };
      stream().then(
        () => call.end(),
        (error: unknown) => call.emit('error', toStatus(error)),
      );
    };
  }

  return {
    Migrate: streaming(async (request: MigrateRequest__Output, write: (event: MigrationEvent) => void, gone, by) => {
      const record = await intake(request, by, gone);
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
    }),
    Get: unary(({ id }: GetRequest__Output) => migrations.get(checkName('migration', id)).snapshot()),
    List: unary(({ running_only }) => ({
      migrations: migrations.records
        .filter((record) => !running_only || !record.ended)
        .map((record) => record.snapshot()),
    })),
    Watch: streaming(async ({ id }: GetRequest__Output, write: (event: MigrationEvent) => void, gone) => {
      if (id !== '') return await follow(migrations.get(checkName('migration', id)), write, gone);
      for (const record of migrations.records) write({ migration: record.snapshot(), message: '' });
      const leave = migrations.watch((migration, message) => write({ migration, message }));
      await aborted(gone);
      leave();
    }),
    Cancel: unary(({ id }: GetRequest__Output) =>
      migrations.cancel(checkName('migration', id), new Fault('Cancelled', 'cancelled by a client')).snapshot(),
    ),
    Nodes: unary(async (_request, gone): Promise<NodesResponse> => {
      await Promise.all(agents.all.map(({ node }) => agents.look(node, gone)));
      return { nodes: agents.all.map(({ node, address }) => describe(node, address)) };
    }),
    Preflight: unary(async (request, gone) => {
      const { plan, findings } = await migrations.examine(readRequest(request), gone);
      return { plan: plan ?? null, findings };
    }),
    Checkpoint: streaming(async (request: CheckpointRequest__Output, write: (now: Checkpoint) => void, gone, by) => {
      const asker = by === undefined ? {} : { [askedByAnnotation]: nameOf(by) };
      await withKubernetes(checkpoints).checkpoint(request, asker, write, gone);
    }),
    ListCheckpoints: unary(({ namespace }) => ({ checkpoints: withKubernetes(checkpoints).list(namespace) })),
    DeleteCheckpoint: unary(async (name, gone) => {
      await withKubernetes(checkpoints).delete(name, gone);
      return {};
    }),
    StartCopies: streaming(async (request: StartCopiesRequest__Output, write: (copy: Copy) => void, gone) => {
      await withKubernetes(checkpoints).startCopies(request, write, gone);
    }),
  };

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
