/** The target's end of a transfer by way of a shared directory: a sink for announcements in front of the caller's. */
import { readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../../proto/fault.ts';
import { storageFault } from '../foreign-error.ts';
import type { Arriving, Entry, Receipt, Sink } from '../transfer.ts';
import { chain, decode, type Manifest } from './manifest.ts';
import { answered, type Attempt, type Share } from './share.ts';
import { takeSegment } from './take.ts';

/** NFS asks the server for a name that it has not looked up before, so what is there is there at once. Nearly. */
const appearMs = 2_000;
const manifestLimit = 16 << 20;

export class NfsSink implements Sink {
  bytes = 0;
  #digest = '';
  #next = 0;
  #attempt: Attempt | undefined;
  readonly #share: Share;
  readonly #migration: string;
  readonly #sink: Sink;

  constructor(share: Share, migration: string, sink: Sink) {
    this.#share = share;
    this.#migration = migration;
    this.#sink = sink;
  }

  async accept({ op, meta }: Entry, _body: Arriving, signal: AbortSignal): Promise<void> {
    const { attempt, number, sha256 } = (meta ?? {}) as Record<string, unknown>;
    if (op !== 'segment' || number !== this.#next || typeof sha256 !== 'string') {
      throw new Fault(
        'InvalidArgument',
        `not the announcement of segment ${this.#next}: ${op} ${JSON.stringify(meta)}`,
      );
    }
    this.#attempt ??= this.#share.attempt(this.#migration, attempt);
    if (attempt !== this.#attempt.name) throw new Fault('InvalidArgument', 'a transfer stays in one directory');
    const manifest = await this.#manifest(this.#attempt, { number, sha256 }, signal);
    await this.#take(this.#attempt, manifest, signal);
    this.#digest = chain(this.#digest, sha256);
    this.#next += 1;
  }

  async settle(sealed: boolean, signal: AbortSignal): Promise<void> {
    await this.#sink.settle?.(sealed, signal);
  }

  receipt(): Receipt {
    return { bytes: this.bytes, digest: `sha256:${this.#digest}` };
  }

  async remove(): Promise<void> {
    if (this.#attempt !== undefined) await this.#share.remove(this.#attempt);
  }

  async #manifest(
    attempt: Attempt,
    announced: { number: number; sha256: string },
    signal: AbortSignal,
  ): Promise<Manifest> {
    const path = attempt.manifest(announced.number);
    const until = performance.now() + appearMs;
    for (;;) {
      try {
        const { size } = await answered(stat(path), `looking for ${path}`);
        if (size > manifestLimit) throw new Fault('VerifyFailed', `${path} has ${size} bytes: no manifest of ours has`);
        return decode(await answered(readFile(path, { signal }), `reading ${path}`), announced, path);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'ESTALE') throw storageFault(error, `cannot read ${path}`);
        if (performance.now() > until) throw notThere(path, announced.number);
      }
      await delay(100, undefined, { signal });
    }
  }

  async #take(attempt: Attempt, { number, parts }: Manifest, signal: AbortSignal): Promise<void> {
    const path = attempt.segment(number);
    this.bytes += await takeSegment(path, parts, this.#sink, signal);
    // Its room is for the next one; what cannot be removed now goes with the directory.
    await rm(path, { force: true }).catch(() => {});
  }
}

function notThere(path: string, number: number): Fault {
  // The first segment is empty and only proves that both sides see the same files.
  const reason = number === 0 ? 'TransportUnavailable' : 'TransferFailed';
  const then = 'is the same file system mounted there on both nodes?';
  return new Fault(
    reason,
    `the source wrote ${path}, but it is not there for the target after ${appearMs} ms; ${then}`,
  );
}
