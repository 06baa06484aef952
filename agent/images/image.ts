/**
 * CRIU's images: magic numbers, then entries, each behind its length; what follows the last of some is not made of
 * entries. Fields that we do not know stay with the message that they came with. Pure.
 */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { core_entrySchema } from '../../proto/gen/criu/core_pb.ts';
import { file_entrySchema } from '../../proto/gen/criu/fdinfo_pb.ts';
import { inventory_entrySchema } from '../../proto/gen/criu/inventory_pb.ts';
import { pagemap_entrySchema } from '../../proto/gen/criu/pagemap_pb.ts';
import { tcp_stream_entrySchema } from '../../proto/gen/criu/tcp-stream_pb.ts';
import { Fault } from '../../proto/fault.ts';

/** What all images of img_version 2 begin with but for the inventory, which says that they do. */
const commonMagic = 0x54564319;
/** The only one there has been since CRIU 2. */
const knownVersion = 2;
const wordBytes = 4;

export interface ImageKind<Schema extends DescMessage> {
  /** Of the file. */
  name: RegExp;
  magics: readonly number[];
  schema: Schema;
  /** 'one': what is behind it is raw. */
  entries: 'one' | 'many';
}

export interface Image<Schema extends DescMessage> {
  entries: MessageShape<Schema>[];
  /** What is behind the only entry: of a TCP connection, what waits in its two queues. */
  rest: Uint8Array;
}

export const inventoryImage = kind(/^inventory\.img$/, [0x58313116], inventory_entrySchema, 'one');
export const filesImage = kind(/^files\.img$/, [commonMagic, 0x56303138], file_entrySchema, 'many');
export const coreImage = kind(/^core-\d+\.img$/, [commonMagic, 0x55053847], core_entrySchema, 'one');
/** Of a process's own memory, by its pid in the container; the first entry is a head of another kind. */
export const pagemapImage = kind(/^pagemap-(\d+)\.img$/, [commonMagic, 0x56084025], pagemap_entrySchema, 'many');
/** One a connection; HEX is its `ino` in files.img. */
export const tcpStreamImage = kind(
  /^tcp-stream-[0-9a-f]+\.img$/,
  [commonMagic, 0x51465506],
  tcp_stream_entrySchema,
  'one',
);

function kind<Schema extends DescMessage>(
  name: RegExp,
  magics: readonly number[],
  schema: Schema,
  entries: 'one' | 'many',
): ImageKind<Schema> {
  return { name, magics, schema, entries };
}

/**
 * @param path for messages
 * @throws Fault DumpFailed when it is not an image of this kind
 */
export function decodeImage<Schema extends DescMessage>(
  { magics, schema, entries: count }: ImageKind<Schema>,
  path: string,
  bytes: Uint8Array,
): Image<Schema> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = magics.flatMap((_, at) =>
    (at + 1) * wordBytes <= bytes.length ? [view.getUint32(at * wordBytes, true)] : [],
  );
  if (found.join() !== magics.join()) {
    throw unreadable(path, `it begins with ${hex(found)}, and ${hex(magics)} is what we know`);
  }
  const entries: MessageShape<Schema>[] = [];
  let at = magics.length * wordBytes;
  for (const most = count === 'one' ? 1 : Infinity; at < bytes.length && entries.length < most; ) {
    const begin = at + wordBytes;
    const end = begin <= bytes.length ? begin + view.getUint32(at, true) : begin;
    if (end > bytes.length) throw unreadable(path, `its entry at byte ${at} is cut off`);
    try {
      entries.push(fromBinary(schema, bytes.subarray(begin, end)));
    } catch (error) {
      throw unreadable(path, `its entry at byte ${at} is no ${schema.typeName}: ${(error as Error).message}`, error);
    }
    at = end;
  }
  return { entries, rest: bytes.subarray(at) };
}

export function encodeImage<Schema extends DescMessage>(
  { magics, schema }: ImageKind<Schema>,
  { entries, rest }: Image<Schema>,
): Uint8Array {
  const framed = entries.flatMap((entry) => {
    const content = toBinary(schema, entry);
    return [word(content.length), content];
  });
  return Buffer.concat([...magics.map(word), ...framed, rest]);
}

/** @throws Fault DumpFailed when the images beside this one have a format that we do not know */
export function checkVersion(path: string, { entries: [inventory] }: Image<typeof inventory_entrySchema>): void {
  if (inventory?.imgVersion === knownVersion) return;
  const found = inventory === undefined ? 'no version at all' : `version ${inventory.imgVersion}`;
  throw unreadable(path, `it tells of images of ${found}, and version ${knownVersion} is what we know`);
}

function unreadable(path: string, why: string, cause?: unknown): Fault {
  const advice = 'use a CRIU of the versions that Podferry supports';
  return new Fault('DumpFailed', `cannot read CRIU's image ${path}: ${why}; ${advice}`, { cause });
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(wordBytes);
  bytes.writeUInt32LE(value);
  return bytes;
}

function hex(words: readonly number[]): string {
  return words.map((each) => `0x${each.toString(16).padStart(8, '0')}`).join(' ') || 'nothing';
}
