/** The target's half of carry.ts: makes a directory tree the same as the source's, entry by entry. */
import { constants } from 'node:fs';
import { type FileHandle, open, realpath, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Fault } from '../../proto/fault.ts';
import { checkPath } from '../transfer/entry.ts';
import type { Entry } from '../transfer/transfer.ts';
import { fileAt } from './names.ts';
import { startUnpacker, type Unpacker } from './pack.ts';

const numbers = ['offset', 'length', 'size', 'mode', 'uid', 'gid'] as const;
type Meta = Record<(typeof numbers)[number], number> & { mtimeNs: string };

export class AppliedTree {
  readonly #root: string;
  #open: { path: string; file: FileHandle } | undefined;
  /** Started ahead, for the round in which the pod stands still. */
  #unpacker: Promise<Unpacker>;

  /** @param root the tree's directory on the node */
  constructor(root: string) {
    this.#root = root;
    this.#unpacker = this.#startUnpacker();
  }

  async accept(entry: Entry, body: AsyncIterable<Buffer>): Promise<void> {
    switch (entry.op) {
      case 'remove':
        return await this.#remove(JSON.parse((await buffer(body)).toString()));
      case 'tar': {
        const unpacker = await this.#unpacker;
        this.#unpacker = this.#startUnpacker();
        return await unpacker.unpack(body);
      }
      case 'chunk':
        return await this.#write(entry, body);
      case 'zeros':
        return await this.#clear(entry);
      case 'finish':
        return await this.#finish(entry);
      default:
        throw new Fault(
          'InvalidArgument',
          `${entry.channel}: ${JSON.stringify(entry.op)} is nothing that is done to a tree`,
        );
    }
  }

  /** Ends what has been started ahead. */
  async close(): Promise<void> {
    await this.#closeFile();
    (await this.#unpacker.catch(() => undefined))?.cancel();
  }

  #startUnpacker(): Promise<Unpacker> {
    const unpacker = startUnpacker(this.#root);
    // Looked at when its turn comes.
    unpacker.catch(() => {});
    return unpacker;
  }

  async #remove(paths: unknown): Promise<void> {
    if (!Array.isArray(paths)) throw new Fault('InvalidArgument', 'what is to be removed must be a list of paths');
    for (const path of paths.map(checkPath)) {
      if (!(await this.#checkDirectoryOf(path))) continue;
      try {
        await rm(fileAt(this.#root, path), { recursive: true, force: true });
      } catch (error) {
        // Below a file there is nothing.
        if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
      }
    }
  }

  async #write(entry: Entry, body: AsyncIterable<Buffer>): Promise<void> {
    const file = await this.#fileOf(entry);
    let { offset } = metaOf(entry);
    for await (const part of body) {
      await writeWhole(file, part, offset);
      offset += part.length;
    }
  }

  /** A hole stays a hole. */
  async #clear(entry: Entry): Promise<void> {
    const file = await this.#fileOf(entry);
    const { offset, length } = metaOf(entry);
    const zeros = Buffer.alloc(Math.min(length, 16 << 20));
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(zeros.length), 0, zeros.length, offset);
    const had = buffer.subarray(0, bytesRead);
    if (!had.equals(zeros.subarray(0, bytesRead))) await writeWhole(file, zeros.subarray(0, bytesRead), offset);
  }

  async #finish(entry: Entry): Promise<void> {
    const file = await this.#fileOf(entry);
    const { size, mode, uid, gid, mtimeNs } = metaOf(entry);
    await file.truncate(size);
    await file.chown(uid, gid);
    await file.chmod(mode);
    const seconds = Number(mtimeNs) / 1e9;
    await file.utimes(seconds, seconds);
    await this.#closeFile();
  }

  /** The file that an entry is about, which is there already: a symbolic link or a device would lead elsewhere. */
  async #fileOf({ path = '' }: Entry): Promise<FileHandle> {
    if (this.#open?.path === path) return this.#open.file;
    await this.#closeFile();
    await this.#checkDirectoryOf(path);
    const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
    let file: FileHandle;
    try {
      file = await open(fileAt(this.#root, path), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      throw new Fault('CopyFailed', `cannot patch ${path} in ${this.#root}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.#open = { path, file };
    if ((await file.stat()).isFile()) return file;
    await this.#closeFile();
    throw new Fault('CopyFailed', `cannot patch ${path} in ${this.#root}: it is not a regular file`);
  }

  async #closeFile(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.close();
  }

  /**
   * Refuses a path that a symbolic link in the tree would lead elsewhere, out of the container onto the node.
   *
   * @returns whether its directory is there
   */
  async #checkDirectoryOf(path: string): Promise<boolean> {
    const root = await realpath(this.#root);
    const directory = fileAt(root, dirname(checkPath(path)));
    let real: string;
    try {
      real = await realpath(directory);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw Fault.from(error, 'CopyFailed', `cannot look for ${path} in ${root}`);
    }
    // Both without the bytes that are no UTF-8: no link changes just those.
    if (real === directory.toString()) return true;
    throw new Fault(
      'CopyFailed',
      `${path} lies behind a symbolic link in ${root}: refused, it would leave the container`,
    );
  }
}

async function writeWhole(file: FileHandle, part: Buffer, offset: number): Promise<void> {
  for (let at = 0; at < part.length; ) at += (await file.write(part, at, part.length - at, offset + at)).bytesWritten;
}

function metaOf({ meta, op, path }: Entry): Meta {
  const { mtimeNs, ...rest } = (meta ?? {}) as Record<string, unknown>;
  const checked = numbers.map((name) => {
    const value = rest[name] ?? 0;
    if (Number.isSafeInteger(value) && (value as number) >= 0) return [name, value as number] as const;
    throw new Fault('InvalidArgument', `${op} ${path}: ${name} is ${JSON.stringify(value)}, but must be a number`);
  });
  if (op === 'finish' && !/^-?\d+$/.test(String(mtimeNs))) {
    throw new Fault('InvalidArgument', `finish ${path}: mtimeNs is ${JSON.stringify(mtimeNs)}, but must be a number`);
  }
  return { ...(Object.fromEntries(checked) as Record<(typeof numbers)[number], number>), mtimeNs: String(mtimeNs) };
}
