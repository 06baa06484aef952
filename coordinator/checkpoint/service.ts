/** What the coordinator's gRPC service says of checkpoints. */
import { Fault } from '../../proto/fault.ts';
import type { Checkpoint } from '../../proto/gen/podferry/v1/Checkpoint.ts';
import type { CheckpointName__Output as CheckpointName } from '../../proto/gen/podferry/v1/CheckpointName.ts';
import type { CheckpointRequest__Output as CheckpointRequest } from '../../proto/gen/podferry/v1/CheckpointRequest.ts';
import type { Copy } from '../../proto/gen/podferry/v1/Copy.ts';
import type { StartCopiesRequest__Output as StartCopiesRequest } from '../../proto/gen/podferry/v1/StartCopiesRequest.ts';
import { mistakeIn } from '../names.ts';
import type { Controller } from './controller.ts';
import { startCopies } from './copies.ts';
import type { PodCheckpoint } from './pod-checkpoint.ts';
import { toMessage } from './status.ts';
import { isOver } from './ward.ts';
import type { World } from './world.ts';

const defaultTimeoutMs = 120_000;
const longestTimeoutMs = 3_600_000;
const mostReplicas = 100;

export class CheckpointService {
  readonly #controller: Controller;
  readonly #world: World;

  constructor(controller: Controller, world: World) {
    this.#controller = controller;
    this.#world = world;
  }

  /** Goes on when nobody listens any more. @param annotations of the object: who asked for it */
  async checkpoint(
    request: CheckpointRequest,
    annotations: Record<string, string>,
    write: (checkpoint: Checkpoint) => void,
    gone: AbortSignal,
  ): Promise<void> {
    const { pod, name, timeout_ms } = request;
    const asked = {
      namespace: pod?.namespace || 'default',
      pod: pod?.name ?? '',
      uid: pod?.uid ?? '',
      name,
      timeoutMs: timeout_ms || defaultTimeoutMs,
    };
    refuse([
      mistakeIn('namespace', asked.namespace),
      mistakeIn('pod', asked.pod),
      asked.uid === '' ? undefined : mistakeIn('uid', asked.uid),
      name === '' ? undefined : mistakeIn('checkpoint', name),
      tooLong(asked.timeoutMs),
    ]);
    const ward = await this.#controller.intake(asked, annotations, gone);
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const leave = ward.listen((object) => {
      if (!gone.aborted) write(toMessage(object));
      if (isOver(object)) resolve();
    });
    write(toMessage(ward.object));
    if (isOver(ward.object) || gone.aborted) resolve();
    gone.addEventListener('abort', () => resolve(), { once: true });
    await over;
    leave();
  }

  list(namespace: string): Checkpoint[] {
    refuse([namespace === '' ? undefined : mistakeIn('namespace', namespace)]);
    const all = this.#controller.all.filter(({ metadata }) => namespace === '' || metadata.namespace === namespace);
    const age = ({ metadata }: PodCheckpoint) => Date.parse(metadata.creationTimestamp ?? '') || 0;
    return all.toSorted((a, b) => age(a) - age(b)).map((object) => toMessage(object));
  }

  async delete(wanted: CheckpointName, gone: AbortSignal): Promise<void> {
    const { namespace, name } = checked(wanted);
    await this.#controller.delete(namespace, name, gone);
  }

  async startCopies(request: StartCopiesRequest, write: (copy: Copy) => void, gone: AbortSignal): Promise<void> {
    const { replicas, target_node: targetNode } = request;
    const { namespace, name } = checked(request.checkpoint);
    const timeoutMs = request.timeout_ms || defaultTimeoutMs;
    const isMany = replicas < 1 || replicas > mostReplicas;
    refuse([
      targetNode === '' ? undefined : mistakeIn('node', targetNode),
      isMany ? `replicas are ${replicas}, but must be from 1 to ${mostReplicas}` : undefined,
      tooLong(timeoutMs),
    ]);
    const { object } = this.#controller.find(namespace, name);
    const tell = (copy: Copy) => {
      if (!gone.aborted) write({ ...copy });
    };
    await startCopies(object, { replicas, targetNode, timeoutMs }, this.#world, gone, tell);
  }
}

function checked(name: CheckpointName | null): { namespace: string; name: string } {
  const wanted = { namespace: name?.namespace || 'default', name: name?.name ?? '' };
  refuse([mistakeIn('namespace', wanted.namespace), mistakeIn('checkpoint', wanted.name)]);
  return wanted;
}

function tooLong(ms: number): string | undefined {
  return ms > longestTimeoutMs
    ? `timeout of ${ms} ms is more than the ${longestTimeoutMs} ms that are allowed`
    : undefined;
}

/** @throws Fault InvalidArgument with all of them */
function refuse(mistakes: readonly (string | undefined)[]): void {
  const made = mistakes.filter((mistake) => mistake !== undefined);
  if (made.length > 0) throw new Fault('InvalidArgument', made.join('; '));
}
