/** CRIU's images: framing, what is refused, and the two mends. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readImage } from '../../../agent/images/change.ts';
import {
  coreImage,
  decodeImage,
  encodeImage,
  filesImage,
  inventoryImage,
  tcpStreamImage,
} from '../../../agent/images/image.ts';
import { restartInterruptedCalls } from '../../../agent/images/interrupted-calls.ts';
import { mendImages } from '../../../agent/images/mend.ts';
import { keepTimersGoing } from '../../../agent/images/timers.ts';
import {
  thread_info_x86Schema,
  user_x86_regs_mode as mode,
  type user_x86_regs_entry as Registers,
  user_x86_regs_entrySchema,
} from '../../../proto/gen/criu/core-x86_pb.ts';
import { core_entry_march as machine, core_entrySchema } from '../../../proto/gen/criu/core_pb.ts';
import { fd_types as types, file_entrySchema } from '../../../proto/gen/criu/fdinfo_pb.ts';
import { inventory_entrySchema } from '../../../proto/gen/criu/inventory_pb.ts';
import { tcp_stream_entrySchema } from '../../../proto/gen/criu/tcp-stream_pb.ts';

const words = (...values: number[]) => Buffer.concat(values.map((value) => Buffer.from(Uint32Array.of(value).buffer)));
const framed = (content: Uint8Array) => Buffer.concat([words(content.length), content]);
const filesMagic = words(0x54564319, 0x56303138);

/** A file of another kind, with a field that nobody has heard of, and one of a type of tomorrow. */
const foreign = [types.REG, 77].map((type) => {
  const known = new BinaryWriter().tag(1, WireType.Varint).uint32(type).tag(2, WireType.Varint).uint32(7);
  const reg = known.tag(3, WireType.LengthDelimited).bytes(Buffer.from('reg'));
  return framed(reg.tag(900, WireType.Bit64).fixed64(5).finish());
});

describe('an image', () => {
  it('keeps what we do not know, and the order in which it came', () => {
    const bytes = Buffer.concat([filesMagic, ...foreign]);
    const image = decodeImage(filesImage, 'files.img', bytes);
    expect(image.entries.map(({ type, id }) => [type, id])).toEqual([
      [types.REG, 7],
      [77, 7],
    ]);
    expect(Buffer.from(encodeImage(filesImage, image))).toEqual(bytes);
  });

  it('without entries is one', () => {
    expect(decodeImage(filesImage, 'files.img', filesMagic).entries).toEqual([]);
  });

  it('of a connection keeps what waits in its queues', () => {
    const rest = Buffer.from('in the queue, and longer than an entry may be: \xff\xff\xff\xff', 'latin1');
    const entries = [create(tcp_stream_entrySchema, { inqLen: rest.length, inqSeq: 1, outqLen: 0, outqSeq: 2 })];
    const bytes = encodeImage(tcpStreamImage, { entries, rest });
    const image = decodeImage(tcpStreamImage, 'tcp-stream-1f.img', bytes);
    expect(Buffer.from(image.rest)).toEqual(rest);
    expect(image.entries[0]).toMatchObject({ inqLen: rest.length, outqSeq: 2 });
    expect(encodeImage(tcpStreamImage, image)).toEqual(bytes);
  });

  it.each([
    ['nothing', Buffer.alloc(0), /nothing/],
    ['half a magic number', filesMagic.subarray(0, 6), /0x54564319, and 0x54564319 0x56303138/],
    ['another kind', words(0x54564319, 0x55053847), /0x54564319 0x55053847/],
    ['a length without an entry', Buffer.concat([filesMagic, words(9)]), /byte 8 is cut off/],
    ['half a length', Buffer.concat([filesMagic, Buffer.from([1])]), /byte 8 is cut off/],
    ['no message', Buffer.concat([filesMagic, framed(Buffer.from([0xff]))]), /byte 8 is no file_entry/],
  ])('is refused by name when it is %s', (_what, bytes, why) => {
    const read = () => decodeImage(filesImage, '/images/files.img', bytes);
    const message = expect.stringMatching(why);
    expect(read).toThrow(expect.objectContaining({ reason: 'DumpFailed', message }));
    expect(read).toThrow(expect.objectContaining({ message: expect.stringContaining('/images/files.img') }));
  });
});

describe('mending', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'podferry-images-'));
    writeInventory(2);
    writeFileSync(
      join(directory, 'files.img'),
      encodeImage(filesImage, { entries: [timerfd({})], rest: Buffer.alloc(0) }),
    );
    writeFileSync(
      join(directory, 'core-1.img'),
      encodeImage(coreImage, { entries: [thread({})], rest: Buffer.alloc(0) }),
    );
    writeFileSync(join(directory, 'pages-1.img'), 'whatever');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function writeInventory(imgVersion: number) {
    const entries = [create(inventory_entrySchema, { imgVersion })];
    writeFileSync(join(directory, 'inventory.img'), encodeImage(inventoryImage, { entries, rest: Buffer.alloc(0) }));
  }
  const inodes = () =>
    Object.fromEntries(readdirSync(directory).map((name) => [name, statSync(join(directory, name)).ino]));

  it('writes what was changed beside what was there, and nothing else', () => {
    const before = inodes();
    mendImages(directory);
    const after = inodes();
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(['core-1.img', 'files.img']);
    const again = inodes();
    mendImages(directory);
    expect(inodes()).toEqual(again);
  });

  it('hands the files to every change, and writes once', () => {
    mendImages(
      directory,
      (files) => files.push(create(file_entrySchema, { type: types.EXT, id: 3 })) > 0,
      ([, added]) => {
        if (added !== undefined) added.id = 4;
        return false;
      },
    );
    const { entries } = readImage(filesImage, join(directory, 'files.img'));
    expect(entries.map(({ type, id }) => [type, id])).toEqual([
      [types.TIMERFD, 1],
      [types.EXT, 4],
    ]);
    expect(entries[0]?.tfd?.vnsec).toBe(1n);
  });

  it.each([
    ['another version', () => writeInventory(3), /inventory\.img: .* version 3, and version 2 is/],
    ['no inventory of CRIU', () => writeFileSync(join(directory, 'inventory.img'), 'PK\x03\x04'), /0x04034b50/],
    [
      'an empty inventory',
      () => writeFileSync(join(directory, 'inventory.img'), words(0x58313116)),
      /no version at all/,
    ],
  ])('refuses %s before it has changed anything', (_what, make, why) => {
    make();
    const before = inodes();
    expect(() => mendImages(directory)).toThrow(
      expect.objectContaining({ reason: 'DumpFailed', message: expect.stringMatching(why) }),
    );
    expect(inodes()).toEqual(before);
  });

  it('keeps what is not an image of its kind by name alone', () => {
    mkdirSync(join(directory, 'core-x'));
    writeFileSync(join(directory, 'core-1.img.old'), 'no image');
    mendImages(directory);
    expect(readFileSync(join(directory, 'core-1.img.old'), 'utf8')).toBe('no image');
  });
});

/** One that has expired three times unread, of ten a second. */
function timerfd(timer: object) {
  return create(file_entrySchema, {
    type: types.TIMERFD,
    id: 1,
    tfd: { id: 1, clockid: 1, ticks: 3n, vsec: 0n, vnsec: 0n, isec: 0n, insec: 100_000_000n, ...timer },
  });
}

describe('timers', () => {
  it('that have expired unread go on, one tick earlier', () => {
    const files = [timerfd({})];
    expect(keepTimersGoing(files)).toBe(true);
    expect(files[0]?.tfd).toMatchObject({ ticks: 2n, vsec: 0n, vnsec: 1n, insec: 100_000_000n });
    expect(keepTimersGoing(files)).toBe(false);
  });

  it.each([
    ['that have not expired', { ticks: 0n }],
    ['that go off once', { insec: 0n }],
    ['that show what is left', { vsec: 4n }],
  ])('%s stay as they are', (_what, timer) => {
    const files = [timerfd(timer), create(file_entrySchema, { type: types.REG, id: 2 })];
    const before = structuredClone(files);
    expect(keepTimersGoing(files)).toBe(false);
    expect(structuredClone(files)).toEqual(before);
  });
});

const interrupted = BigInt.asUintN(64, -4n);
const nanosleep = 35n;

/** One in nanosleep(2), which was interrupted and has been told what is left. */
function thread(registers: Partial<Registers>, more: MessageInitShape<typeof core_entrySchema> = {}) {
  const sleeping = { origAx: nanosleep, ax: interrupted, ip: 1002n, di: 50n, si: 60n, dx: 70n, r10: 80n };
  const gpregs = Object.assign(create(user_x86_regs_entrySchema, sleeping), registers);
  const core = create(core_entrySchema, more);
  core.mtype = machine.X86_64;
  core.threadInfo = create(thread_info_x86Schema, { gpregs });
  return core;
}

const signal = (number: number) => ({ signals: [{ siginfo: Buffer.concat([words(number), Buffer.alloc(124)]) }] });

describe('an interrupted call', () => {
  it.each([
    ['poll', { origAx: 7n }, { ax: 7n, di: 50n, dx: 70n }],
    ['nanosleep', {}, { ax: nanosleep, di: 60n, dx: 70n }],
    ['nanosleep that was not asked what is left', { si: 0n }, { ax: nanosleep, di: 50n }],
    ['futex', { origAx: 202n }, { ax: 202n, di: 50n, dx: 70n }],
    ['clock_nanosleep', { origAx: 230n }, { ax: 230n, di: 50n, dx: 80n }],
  ])('is made again: %s', (_what, registers, expected) => {
    const core = thread(registers);
    expect(restartInterruptedCalls([core])).toBe(true);
    expect(core.threadInfo?.gpregs).toMatchObject({ ...expected, ip: 1000n });
  });

  it.each<[string, ReturnType<typeof thread>]>([
    ['another call', thread({ origAx: 0n })],
    ['a call that has succeeded', thread({ ax: 0n })],
    ['a 32-bit program', thread({ mode: mode.COMPAT })],
    ['another processor', Object.assign(thread({}), { mtype: machine.AARCH64 })],
    ['a thread with a signal', thread({}, { threadCore: { signalsP: signal(10) } })],
    ['a process with a signal', thread({}, { tc: { signalsS: signal(10) }, threadCore: { blkSigset: 1n << 10n } })],
  ])('is not: %s', (_what, core) => {
    const before = structuredClone(core);
    expect(restartInterruptedCalls([core])).toBe(false);
    expect(structuredClone(core)).toEqual(before);
  });

  it('is made again when all signals are blocked', () => {
    const blkSigset = 1n << 9n;
    const core = thread({}, { tc: { signalsS: signal(10) }, threadCore: { blkSigset, signalsP: signal(10) } });
    expect(restartInterruptedCalls([core])).toBe(true);
  });
});
