/**
 * What goes over a data socket: frames of a kind, a length and that many bytes. All but Data hold JSON. The bytes of
 * a body come in frames of any size between its Entry and its End, so a size need not be known beforehand, and a
 * Ping fits in anywhere.
 */
import { Fault } from '../../../proto/fault.ts';
import { headerLimit } from '../entry.ts';

export const protocolVersion = 1;

export const kinds = {
  /** Source, first: {version, migration, direction, token}. */
  Hello: 1,
  /** Target: go on. */
  Welcome: 2,
  /** Either, last: {reason, message}. */
  Fault: 3,
  /** Source: an Entry; its body follows. */
  Entry: 4,
  Data: 5,
  End: 6,
  /** Source: {id, name, last, bytes, digest}; wants a receipt when all before it is taken. */
  Barrier: 7,
  /** Target: {id, bytes, digest}. */
  Receipt: 8,
  Ping: 9,
  /** Source: a body that means nothing follows, as after an Entry. */
  Rehearsal: 10,
  /** Target, of post-copy: {container, id, pid, at, bytes}. The source answers with Pages, and Data of that many bytes. */
  Wanted: 11,
  /** Source: {container, id, bytes}. */
  Pages: 12,
  /** Target: {memory}: how it has ended. */
  Memory: 13,
} as const;

export type Kind = (typeof kinds)[keyof typeof kinds];

const known: ReadonlySet<number> = new Set(Object.values(kinds));

/** Kind and length. */
export const headBytes = 5;

/** Of the bytes of one Data frame. Ours are of 256 KiB; a peer may have other ideas. */
const dataLimit = 16 << 20;

export function writeHead(into: Buffer, at: number, kind: Kind, length: number): void {
  into.writeUInt8(kind, at);
  into.writeUInt32BE(length, at + 1);
}

export function frame(kind: Kind, value?: unknown): Buffer {
  const text = value === undefined ? '' : JSON.stringify(value);
  const length = Buffer.byteLength(text);
  if (length > headerLimit) {
    throw new Fault(
      'InvalidArgument',
      `an entry without its body takes ${length} bytes, but may take ${headerLimit}: put less into meta`,
    );
  }
  const made = Buffer.allocUnsafe(headBytes + length);
  writeHead(made, 0, kind, length);
  made.write(text, headBytes);
  return made;
}

export interface FrameHandler {
  /** A whole frame other than Data; undefined: it was empty. */
  frame(kind: Kind, value: unknown): void;
  /** Some bytes of a Data frame, as they come, not copied. */
  data(part: Buffer): void;
}

/** Cuts what a socket brings into frames. Throws a Fault at the first byte that is no frame of ours. */
export class FrameReader {
  readonly #head = Buffer.alloc(headBytes);
  #headHas = 0;
  #kind: Kind = kinds.Ping;
  #left = 0;
  #parts: Buffer[] = [];

  push(chunk: Buffer, handler: FrameHandler): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headHas < headBytes) {
        const taken = chunk.copy(this.#head, this.#headHas, at, at + headBytes - this.#headHas);
        this.#headHas += taken;
        at += taken;
        if (this.#headHas < headBytes) return;
        this.#begin();
      }
      const part = chunk.subarray(at, at + this.#left);
      at += part.length;
      this.#left -= part.length;
      if (this.#kind !== kinds.Data) this.#parts.push(part);
      else if (part.length > 0) handler.data(part);
      if (this.#left > 0) return;
      this.#headHas = 0;
      if (this.#kind !== kinds.Data) handler.frame(this.#kind, this.#value());
    }
  }

  #begin(): void {
    const kind = this.#head.readUInt8(0);
    const length = this.#head.readUInt32BE(1);
    const limit = kind === kinds.Data ? dataLimit : headerLimit;
    if (!known.has(kind) || length > limit) {
      throw new Fault(
        'TransferFailed',
        `the peer sent no frame of protocol ${protocolVersion} (kind ${kind}, ${length} bytes): is it another program, or another version?`,
      );
    }
    this.#kind = kind as Kind;
    this.#left = length;
    this.#parts = [];
  }

  #value(): unknown {
    const text = Buffer.concat(this.#parts).toString();
    this.#parts = [];
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Fault('TransferFailed', `the peer sent a frame of kind ${this.#kind} that is not JSON`, {
        cause: error,
      });
    }
  }
}
