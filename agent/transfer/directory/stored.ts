/** A checkpoint that is read: everything in it is verified, against one digest that is known from elsewhere. */
import { open } from 'node:fs/promises';
import { Fault } from '../../../proto/fault.ts';
import type { PodManifest__Output as PodManifest } from '../../../proto/gen/podferry/v1/PodManifest.ts';
import { storageFault } from '../foreign-error.ts';
import { decode, type Part } from '../nfs/manifest.ts';
import { answered, type Attempt } from '../nfs/share.ts';
import { readingNoLinks, takeSegment } from '../nfs/take.ts';
import type { Receipt, Sink } from '../transfer.ts';
import { type Contents, contentsLimit, contentsPath, decodeContents } from './contents.ts';
import { isPod, podFrom } from './pod.ts';

/** Of one segment; as with transport nfs. */
const manifestLimit = 16 << 20;

/** What the file system says where something has been taken away or put in its place. */
const spoilt = ['ENOENT', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENXIO'];

export class Stored {
  readonly #place: Attempt;
  readonly #ref: { id: string; digest: string };

  constructor(place: Attempt, ref: { id: string; digest: string }) {
    this.#place = place;
    this.#ref = ref;
  }

  get directory(): string {
    return this.#place.directory;
  }

  /** What pod it is of: the first entry. */
  async manifest(signal: AbortSignal): Promise<PodManifest> {
    const { segments } = await this.#contents();
    const first = (await this.#partsOf(0, segments[0] ?? '')).slice(0, 1);
    let found: PodManifest | undefined;
    const sink: Pick<Sink, 'accept'> = {
      async accept(entry, body) {
        if (isPod(entry)) found = await podFrom(entry, body);
      },
    };
    await this.#take(0, first, sink, signal);
    if (found !== undefined) return found;
    throw new Fault('VerifyFailed', `${this.#place.directory} does not say what pod it is of`);
  }

  /** Gives a sink all that was sent, in order. Whatever is not what was written ends it. */
  async replay(sink: Sink, signal: AbortSignal): Promise<Receipt> {
    const { segments } = await this.#contents();
    const others: Pick<Sink, 'accept'> = {
      async accept(entry, body, ends) {
        if (!isPod(entry)) await sink.accept(entry, body, ends);
      },
    };
    let bytes = 0;
    for (const [number, sha256] of segments.entries()) {
      signal.throwIfAborted();
      bytes += await this.#take(number, await this.#partsOf(number, sha256), others, signal);
    }
    await sink.settle?.(true, signal);
    return { bytes, digest: this.#ref.digest };
  }

  async #contents(): Promise<Contents> {
    const path = contentsPath(this.#place);
    return decodeContents(await this.#read(path, contentsLimit), this.#ref.digest, path);
  }

  async #partsOf(number: number, sha256: string): Promise<Part[]> {
    const path = this.#place.manifest(number);
    return decode(await this.#read(path, manifestLimit), { number, sha256 }, path).parts;
  }

  async #take(
    number: number,
    parts: readonly Part[],
    sink: Pick<Sink, 'accept'>,
    signal: AbortSignal,
  ): Promise<number> {
    const path = this.#place.segment(number);
    try {
      return await takeSegment(path, parts, sink, signal);
    } catch (error) {
      throw this.#translate(error, path);
    }
  }

  async #read(path: string, limit: number): Promise<Buffer> {
    try {
      return await answered(readBounded(path, limit), `reading ${path}`);
    } catch (error) {
      throw this.#translate(error, path);
    }
  }

  #translate(error: unknown, path: string): Fault {
    const cause = error instanceof Fault ? error.cause : error;
    const { code = '' } = (cause ?? {}) as NodeJS.ErrnoException;
    if (!spoilt.includes(code)) return storageFault(error, `cannot read ${path}`);
    return new Fault('VerifyFailed', `${path} is not what checkpoint ${this.#ref.id} had there (${code})`, {
      cause: error,
    });
  }
}

async function readBounded(path: string, limit: number): Promise<Buffer> {
  const file = await open(path, readingNoLinks);
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > limit) {
      throw new Fault('VerifyFailed', `${path} is no file of ours: it has ${stats.size} bytes, or is none`);
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}
