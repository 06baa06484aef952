/** The target's half of a segment: bodies read back from the shared directory, and believed only when verified. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Fault } from '../../../proto/fault.ts';
import { describe } from '../entry.ts';
import { storageFault } from '../foreign-error.ts';
import type { Arriving } from '../transfer.ts';
import { unless } from '../unless.ts';
import type { Part } from './manifest.ts';
import { answered } from './share.ts';

const blockBytes = 1 << 20;

export class StoredBody implements Arriving {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #part: Part;
  readonly #signal: AbortSignal;
  readonly #digest = createHash('sha256');
  #at = 0;
  #verified = false;

  constructor(file: FileHandle, path: string, part: Part, signal: AbortSignal) {
    this.#file = file;
    this.#path = path;
    this.#part = part;
    this.#signal = signal;
  }

  /** The last block comes only when all before it has proved to be right: a sink never sees a wrong body end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    while (this.#at < this.#part.length) {
      const block = await this.#read();
      if (this.#at === this.#part.length) this.#verify();
      yield block;
    }
    this.#verify();
  }

  async *batches(): AsyncGenerator<Buffer[], void, undefined> {
    for await (const block of this) yield [block];
  }

  /** What the sink left unread has to be right too. */
  async finish(): Promise<void> {
    while (this.#at < this.#part.length) await this.#read();
    this.#verify();
  }

  async #read(): Promise<Buffer> {
    const { offset, length } = this.#part;
    const block = Buffer.allocUnsafe(Math.min(blockBytes, length - this.#at));
    let has = 0;
    while (has < block.length) {
      const read = this.#file.read(block, has, block.length - has, offset + this.#at + has);
      const { bytesRead } = await this.#reading(read);
      if (bytesRead === 0) {
        throw new Fault(
          'VerifyFailed',
          `${this.#path} ends after ${offset + this.#at + has} bytes: the file server lost a part of it`,
        );
      }
      has += bytesRead;
    }
    this.#at += has;
    this.#digest.update(block);
    return block;
  }

  async #reading<T>(read: Promise<T>): Promise<T> {
    try {
      return await unless(this.#signal, answered(read, `reading ${this.#path}`));
    } catch (error) {
      throw storageFault(error, `cannot read ${this.#path}`);
    }
  }

  #verify(): void {
    if (this.#verified) return;
    const { entry, sha256 } = this.#part;
    if (this.#digest.digest('hex') !== sha256) {
      const what = `${describe(entry)} in ${this.#path}`;
      throw new Fault(
        'VerifyFailed',
        `${what} is not what was written: its sha256 differs; check the file server's disk`,
      );
    }
    this.#verified = true;
  }
}
