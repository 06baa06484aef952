/**
 * Collects frames in blocks and hands those to the socket, one at a time. All that a TLS socket is given at once it
 * encrypts before it sends any of it: 15 MB in one write take twice as long as in blocks that wait for their turn.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Fault } from '../../../proto/fault.ts';
import { storageFault } from '../foreign-error.ts';
import type { Body, Entry, FileBody } from '../transfer.ts';
import { unless } from '../unless.ts';
import { frame, headBytes, type Kind, kinds, writeHead } from './frames.ts';
import { Tally } from './tally.ts';

const blockBytes = 256 << 10;
/** A frame with less in it is not worth its place at the end of a block. */
const worthwhile = 4 << 10;

export class Writer {
  tally: Tally;
  readonly #socket: Socket;
  readonly #lost: AbortSignal;
  #onProgress: (bytes: number) => void;
  /** Blocks that the socket is done with. */
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  #block = Buffer.allocUnsafeSlow(blockBytes);
  #used = 0;

  constructor(socket: Socket, lost: AbortSignal, onProgress: (bytes: number) => void) {
    this.#socket = socket;
    this.tally = new Tally(socket);
    this.#lost = lost;
    this.#onProgress = onProgress;
  }

  /** A frame that the peer answers. It does not wait for room: the answer may come before there is any. */
  async control(kind: Kind, value: unknown): Promise<void> {
    await this.#append(frame(kind, value));
    this.#write();
  }

  async entry(entry: Entry, body: Body): Promise<void> {
    const before = this.tally.bytes;
    if (Buffer.isBuffer(body)) {
      checkSize(entry.size, body.length);
      await this.#append(frame(kinds.Entry, { ...entry, size: body.length }));
      await this.#copy(body);
    } else if ('path' in body) {
      await this.#file(entry, body);
    } else {
      await this.#append(frame(kinds.Entry, entry));
      for await (const part of body) await this.#copy(part);
      checkSize(entry.size, this.tally.bytes - before);
    }
    await this.#append(frame(kinds.End));
    this.tally.entry(entry, this.tally.bytes - before);
  }

  /** Sends bytes that mean nothing and are not counted, for some bytes or some milliseconds, whichever ends first. */
  async rehearse(bytes: number, ms: number): Promise<void> {
    const [tally, onProgress] = [this.tally, this.#onProgress];
    const nothing = Buffer.alloc(blockBytes);
    const end = performance.now() + ms;
    this.tally = new Tally(this.#socket);
    this.#onProgress = () => {};
    await this.#append(frame(kinds.Rehearsal));
    while (this.tally.bytes < bytes && performance.now() < end) await this.#copy(nothing);
    await this.#append(frame(kinds.End));
    [this.tally, this.#onProgress] = [tally, onProgress];
  }

  async #file(entry: Entry, { path, range }: FileBody): Promise<void> {
    const what = `cannot read ${path}`;
    let file: number;
    try {
      // A FIFO must not hold up the process, nor a link lead elsewhere.
      file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      throw storageFault(error, what);
    }
    try {
      const stat = fstatSync(file);
      if (!stat.isFile()) throw new Fault('InvalidArgument', `${what}: it is not a regular file`);
      const { from, to } = range ?? { from: 0, to: stat.size };
      checkSize(entry.size, to - from);
      await this.#append(frame(kinds.Entry, { ...entry, size: to - from }));
      for (let at = from, count = 0; at < to; at += count) {
        count = await this.#fill((into) => readSync(file, into, 0, Math.min(into.length, to - at), at));
        if (count === 0) {
          const shrank = `it shrank to ${at} bytes from ${to} while it was read`;
          throw new Fault('TransferFailed', `${what}: ${shrank}; nothing else may write to it`);
        }
      }
    } catch (error) {
      throw storageFault(error, what);
    } finally {
      closeSync(file);
    }
  }

  async #copy(part: Buffer): Promise<void> {
    for (let at = 0; at < part.length; ) {
      at += await this.#fill((into) => part.copy(into, 0, at));
    }
  }

  /** One Data frame, made in its place in the block. @returns how many bytes of a body it holds */
  async #fill(read: (into: Buffer) => number): Promise<number> {
    if (blockBytes - this.#used < headBytes + worthwhile) await this.#flush();
    const into = this.#block.subarray(this.#used + headBytes);
    const count = read(into);
    writeHead(this.#block, this.#used, kinds.Data, count);
    this.#used += headBytes + count;
    this.tally.data(into.subarray(0, count));
    return count;
  }

  async #append(made: Buffer): Promise<void> {
    if (blockBytes - this.#used < made.length) await this.#flush();
    made.copy(this.#block, this.#used);
    this.#used += made.length;
  }

  async #flush(): Promise<void> {
    if (this.#write()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once('drain', resolve);
    try {
      await unless(this.#lost, promise);
    } finally {
      this.#socket.off('drain', resolve);
    }
  }

  /** @returns whether there is room for more */
  #write(): boolean {
    this.#lost.throwIfAborted();
    const block = this.#block;
    const room = this.#socket.write(block.subarray(0, this.#used), () => this.#spare.push(block));
    this.#block = this.#spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
    this.#used = 0;
    if (this.tally.bytes > 0) this.#onProgress(this.tally.bytes);
    return room;
  }
}

function checkSize(promised: number | undefined, is: number): void {
  if (promised === undefined || promised === is) return;
  throw new Fault('TransferFailed', `it has ${is} bytes instead of ${promised}; nothing else may write to it`);
}
