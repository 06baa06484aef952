/** Checkpoints by way of the API server alone: making a PodCheckpoint asks for one. It goes on without us. */
import type { KubeConfig } from '@kubernetes/client-node';
import { Fault, type Reason } from '../../../proto/fault.ts';
import type { Checkpoint__Output as Checkpoint } from '../../../proto/gen/podferry/v1/Checkpoint.ts';
import type { CheckpointName } from '../../../proto/gen/podferry/v1/CheckpointName.ts';
import type { CheckpointRequest } from '../../../proto/gen/podferry/v1/CheckpointRequest.ts';
import { type PodCheckpoint, podCheckpoints, stateOf } from '../../checkpoint/pod-checkpoint.ts';
import { toMessage } from '../../checkpoint/status.ts';
import { isNeglected, neglected, Patience, takeUpMs } from './migrations.ts';
import { Objects } from './objects.ts';

const defaultTimeoutSeconds = 120;
const longestStem = 200;

export class CheckpointObjects {
  readonly #objects: Objects<PodCheckpoint>;
  readonly #takeUpMs: number;

  constructor(config: KubeConfig, patienceMs = takeUpMs) {
    this.#objects = new Objects<PodCheckpoint>(config, podCheckpoints);
    this.#takeUpMs = patienceMs;
  }

  async *checkpoint({ pod, name, timeout_ms }: CheckpointRequest, signal: AbortSignal): AsyncGenerator<Checkpoint> {
    const { namespace = 'default', name: podName = '', uid = '' } = pod ?? {};
    const called = name ? { name } : { generateName: `${podName.slice(0, longestStem)}-` };
    const object = await this.#objects.create(namespace, called, {
      sourcePod: { name: podName, ...(uid !== '' && { uid }) },
      timeoutSeconds: timeout_ms ? Math.ceil(timeout_ms / 1_000) : defaultTimeoutSeconds,
    });
    const patience = new Patience(this.#takeUpMs);
    const changes = this.#objects.changes(namespace, signal);
    try {
      yield messageOf(object);
      while (true) {
        const next = await patience.until(changes.next());
        if (next.done === true) return;
        const { object: now, gone } = next.value;
        if (now.metadata.uid !== object.metadata.uid) continue;
        const state = stateOf(now);
        if (state !== 'new' || (now.metadata.finalizers ?? []).length > 0) patience.end();
        if (isRefused(now)) {
          await this.#objects.delete(now.metadata).catch(() => {});
          throw new Fault((now.status?.reason ?? 'Internal') as Reason, now.status?.message ?? 'it was refused');
        }
        yield messageOf(now);
        if (gone || state === 'ready' || state === 'failed') return;
      }
    } catch (error) {
      if (!isNeglected(error)) throw error;
      await this.#objects.delete(object.metadata).catch(() => {});
      throw neglected(namespace, error);
    } finally {
      patience.end();
      void changes.return(undefined);
    }
  }

  /** @param namespace empty: all */
  async list(namespace: string): Promise<Checkpoint[]> {
    const { items } = await this.#objects.list(namespace);
    return items.map(messageOf).sort((a, b) => a.created_unix_ms - b.created_unix_ms);
  }

  async delete({ namespace = 'default', name = '' }: CheckpointName): Promise<void> {
    await this.#objects.delete({ namespace, name });
  }
}

/** Nothing of it was begun. */
function isRefused(object: PodCheckpoint): boolean {
  return stateOf(object) === 'failed' && object.status?.startTime === undefined;
}

function messageOf(object: PodCheckpoint): Checkpoint {
  // It leaves nothing out that could be left out.
  return toMessage(object) as Checkpoint;
}
