/**
 * What is in an archive while it passes. The pod runs while tar packs, so a file that was listed may be a directory by
 * then, or what the overlay puts in the place of a deleted one. Such a member must not reach the target, where it would
 * not fit; the next round sees it as it is then.
 */
import { Fault } from '../../proto/fault.ts';
import { nameOf } from './names.ts';
import type { Kind } from './scan.ts';

export interface Member {
  path: string;
  /** 'link': another name of a file that stands before it. */
  kind: Kind | 'link';
  /** Of a link: the other name. */
  target: string;
}

const blockBytes = 512;
/** Smaller pieces are joined. */
const pieceBytes = 256 << 10;

/** The archive without the members that are refused; it is in tar's format "posix". */
export async function* filtered(
  archive: AsyncIterable<Buffer>,
  accepts: (member: Member) => boolean,
): AsyncGenerator<Buffer, void, undefined> {
  const blocks = new Blocks(archive);
  let pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of accepted(blocks, accepts)) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes < pieceBytes) continue;
    yield Buffer.concat(pieces);
    [pieces, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(pieces);
}

async function* accepted(blocks: Blocks, accepts: (member: Member) => boolean): AsyncGenerator<Buffer> {
  for (let header = await blocks.next(blockBytes); header.length > 0; header = await blocks.next(blockBytes)) {
    if (header.every((byte) => byte === 0)) {
      yield header;
      continue;
    }
    const head = [header];
    let records = new Map<string, Buffer>();
    if (typeOf(header) === 'x') {
      const extended = await blocks.next(padded(sizeOf(header)));
      records = recordsOf(extended.subarray(0, sizeOf(header)));
      header = await blocks.next(blockBytes);
      head.push(extended, header);
    }
    const keeps = accepts(memberOf(header, records));
    if (keeps) yield* head;
    const size = records.get('size')?.toString();
    for await (const part of blocks.parts(padded(size === undefined ? sizeOf(header) : Number(size)))) {
      if (keeps) yield part;
    }
  }
}

function memberOf(header: Buffer, records: Map<string, Buffer>): Member {
  const name = records.get('GNU.sparse.name') ?? records.get('path') ?? nameIn(header);
  const target = records.get('linkpath') ?? textAt(header, 157, 100);
  return { path: nameOf(name).replace(/(?<=.)\/$/, ''), kind: kindOf(header), target: nameOf(target) };
}

function kindOf(header: Buffer): Member['kind'] {
  const device = [329, 337].some((at) => /[1-7]/.test(textAt(header, at, 8).toString()));
  switch (typeOf(header)) {
    case '0':
    case '\0':
      return 'file';
    case '1':
      return 'link';
    case '2':
      return 'symlink';
    case '3':
      return device ? 'device' : 'whiteout';
    case '4':
      return 'device';
    case '5':
      return 'directory';
    case '6':
      return 'fifo';
    default:
      throw new Fault('CopyFailed', `tar has packed ${nameIn(header).toString()} as ${typeOf(header)}: what is that?`);
  }
}

function typeOf(header: Buffer): string {
  return header.toString('latin1', 156, 157);
}

function nameIn(header: Buffer): Buffer {
  const [name, prefix] = [textAt(header, 0, 100), textAt(header, 345, 155)];
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

function textAt(header: Buffer, at: number, length: number): Buffer {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function sizeOf(header: Buffer): number {
  const size = Number.parseInt(textAt(header, 124, 12).toString(), 8);
  if (Number.isSafeInteger(size)) return size;
  throw new Fault('CopyFailed', `tar has packed ${nameIn(header).toString()} with a size that is no number`);
}

function padded(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes;
}

/** LENGTH KEY=VALUE and a line end each; a value may hold any bytes. */
function recordsOf(extended: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < extended.length; ) {
    const blank = extended.indexOf(' ', at);
    const length = Number(extended.toString('latin1', at, blank));
    const equals = extended.indexOf('=', blank);
    if (blank < 0 || equals < 0 || !(length > 0))
      throw new Fault('CopyFailed', 'tar has packed a record without a length');
    records.set(extended.toString('utf8', blank + 1, equals), extended.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return records;
}

/** A stream, taken in pieces of the length that is asked for. */
class Blocks {
  readonly #parts: AsyncIterator<Buffer>;
  #part = Buffer.alloc(0);

  constructor(archive: AsyncIterable<Buffer>) {
    this.#parts = archive[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes in one; empty at the end. */
  async next(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.parts(length)) parts.push(part);
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  async *parts(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (this.#part.length === 0) {
        const { value, done } = await this.#parts.next();
        if (done === true) {
          if (left < length) throw new Fault('CopyFailed', 'tar has ended in the middle of an archive');
          return;
        }
        this.#part = value as Buffer<ArrayBuffer>;
      }
      const part = this.#part.subarray(0, left);
      this.#part = this.#part.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
}
