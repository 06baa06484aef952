/**
 * Transport to nobody yet: what a pod has is written into the directory that nodes share, in the segments of transport
 * nfs, and waits there as a checkpoint.
 */
import { Fault } from '../../../proto/fault.ts';
import { NfsOutbox } from '../nfs/outbox.ts';
import type { Destination, Outbox, Sending } from '../transfer.ts';
import type { Checkpoints } from './checkpoints.ts';
import { podEntry, podToBytes } from './pod.ts';
import { Sealer } from './sealer.ts';

export class DirectoryTransport implements Sending {
  readonly name = 'directory';
  readonly #checkpoints: Checkpoints;

  constructor(checkpoints: Checkpoints) {
    this.#checkpoints = checkpoints;
  }

  async open({ migration, manifest, ...to }: Destination, signal: AbortSignal): Promise<Outbox> {
    if (manifest === undefined) throw new Fault('Internal', 'a checkpoint needs to know what pod it is of');
    signal.throwIfAborted();
    const attempt = await this.#checkpoints.make(migration);
    const sealer = new Sealer(
      async (segments, ends) => await this.#checkpoints.seal(migration, attempt, segments, ends),
    );
    const outbox = new NfsOutbox(sealer, this.#checkpoints, attempt, to);
    await outbox.put(podEntry, podToBytes(manifest));
    return outbox;
  }

  async sweep(alive: ReadonlySet<string>): Promise<string[]> {
    return await this.#checkpoints.sweep(alive);
  }
}
