/** The source's half of a segment: bodies one after the other in one file, because a file server pays per file. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Fault } from '../../../proto/fault.ts';
import { storageFault } from '../foreign-error.ts';
import type { Body, Entry, FileBody } from '../transfer.ts';
import type { Part } from './manifest.ts';
import { answered, partial, publish } from './share.ts';

/** Of a write to the file server, and of a read from the source. */
const blockBytes = 1 << 20;

export class Segment {
  readonly parts: Part[] = [];
  bytes = 0;
  readonly #path: string;
  readonly #file: FileHandle;
  #block = Buffer.allocUnsafe(blockBytes);
  #used = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(path: string): Promise<Segment> {
    try {
      return new Segment(path, await answered(open(partial(path), 'wx', 0o600), 'opening it'));
    } catch (error) {
      throw storageFault(error, `cannot write ${path}`);
    }
  }

  async add(entry: Entry, body: Body, lost: AbortSignal): Promise<void> {
    const offset = this.bytes;
    const digest = createHash('sha256');
    for await (const part of parts(body)) {
      lost.throwIfAborted();
      digest.update(part);
      await this.#append(part);
    }
    const length = this.bytes - offset;
    if (entry.size !== undefined && entry.size !== length) {
      throw new Fault(
        'TransferFailed',
        `it has ${length} bytes instead of ${entry.size}; nothing else may write to it`,
      );
    }
    this.parts.push({ entry: { ...entry, size: length }, offset, length, sha256: digest.digest('hex') });
  }

  /** On the server's disk, whole, under its own name. */
  async publish(): Promise<void> {
    await this.#storing(async () => {
      await this.#flush();
      await this.#file.sync();
      await this.#file.close();
      await publish(partial(this.#path), this.#path);
    });
  }

  /** Without publishing: the file goes with its directory. */
  async close(): Promise<void> {
    await this.#file.close().catch(() => {});
  }

  async #append(part: Buffer): Promise<void> {
    for (let at = 0; at < part.length; ) {
      const count = part.copy(this.#block, this.#used, at);
      at += count;
      this.#used += count;
      this.bytes += count;
      if (this.#used === blockBytes) await this.#storing(() => this.#flush());
    }
  }

  async #flush(): Promise<void> {
    const at = this.bytes - this.#used;
    for (let done = 0; done < this.#used; ) {
      done += (await this.#file.write(this.#block, done, this.#used - done, at + done)).bytesWritten;
    }
    this.#used = 0;
  }

  async #storing(task: () => Promise<void>): Promise<void> {
    try {
      await answered(task(), `writing ${this.#path}`);
    } catch (error) {
      throw storageFault(error, `cannot write ${this.#path}`);
    }
  }
}

async function* parts(body: Body): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(body)) yield body;
  else if ('path' in body) yield* read(body);
  else yield* body;
}

async function* read({ path, range }: FileBody): AsyncGenerator<Buffer> {
  const what = `cannot read ${path}`;
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw new Fault('InvalidArgument', `${what}: it is not a regular file`);
    const { from, to } = range ?? { from: 0, to: stat.size };
    const block = Buffer.allocUnsafe(Math.min(blockBytes, to - from));
    for (let at = from; at < to; ) {
      const { bytesRead } = await file.read(block, 0, Math.min(block.length, to - at), at);
      if (bytesRead === 0) {
        const shrank = `it shrank to ${at} bytes from ${to} while it was read`;
        throw new Fault('TransferFailed', `${what}: ${shrank}; nothing else may write to it`);
      }
      at += bytesRead;
      yield block.subarray(0, bytesRead);
    }
  } catch (error) {
    throw storageFault(error, what);
  } finally {
    await file?.close();
  }
}
