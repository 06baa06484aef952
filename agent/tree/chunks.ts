/**
 * Large files, and those that may change without a trace, go over in chunks: only those that the target does not have.
 * What it has is told by the digests of what was sent, never by those of what was read at another time.
 */
import { hash } from 'node:crypto';
import { constants, readlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Fault } from '../../proto/fault.ts';
import type { Outbox } from '../transfer/transfer.ts';
import { bytesOf, fileAt } from './names.ts';
import type { Entry } from './scan.ts';

/** How far a difference reaches at least, in bytes. */
export const chunkBytes = 256 << 10;

const zeros = Buffer.alloc(chunkBytes);

export class SentChunks {
  readonly #root: string;
  readonly #channel: string;
  /** Of the target's files: a digest for each chunk. */
  readonly #digests = new Map<string, string[]>();

  constructor(root: string, channel: string) {
    this.#root = root;
    this.#channel = channel;
  }

  /** Of a file that the target has got in another way. */
  forget(path: string): void {
    this.#digests.delete(path);
  }

  /**
   * Reads what a file holds that was packed whole, so that only what changes from now on has to go. Learns nothing
   * when it has changed since it was listed: nobody knows what was packed then.
   */
  async learn(path: string, listed: Entry, signal: AbortSignal): Promise<void> {
    const file = await this.#open(path);
    if (file === undefined) return;
    try {
      const digests: string[] = [];
      for await (const { digest } of chunksOf(file, signal)) digests.push(digest);
      const { ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true });
      const unchanged =
        ino === listed.ino && size === listed.size && mtimeNs === listed.mtimeNs && ctimeNs === listed.ctimeNs;
      if (unchanged) this.#digests.set(path, digests);
    } finally {
      await file.close();
    }
  }

  /**
   * @param before what the target's file looks like
   * @returns 'gone' when the file cannot be found any more; the pod runs
   */
  async send(
    path: string,
    before: Entry,
    now: Entry,
    outbox: Outbox,
    signal: AbortSignal,
  ): Promise<'sent' | 'same' | 'gone'> {
    const file = await this.#open(path);
    if (file === undefined) return 'gone';
    const channel = this.#channel;
    const had = this.#digests.get(path);
    const digests: string[] = [];
    let size = 0;
    try {
      for await (const { offset, bytes, digest } of chunksOf(file, signal)) {
        const at = digests.push(digest) - 1;
        size = offset + bytes.length;
        if (digest === had?.[at]) continue;
        if (digest === '') await outbox.put({ channel, op: 'zeros', path, meta: { offset, length: bytes.length } });
        else await outbox.put({ channel, op: 'chunk', path, meta: { offset } }, bytes);
      }
    } finally {
      await file.close();
    }
    this.#digests.set(path, digests);
    const { mode, uid, gid, mtimeNs } = now;
    const keys = ['size', 'mode', 'uid', 'gid', 'mtimeNs'] as const;
    const sameContent = digests.length === had?.length && digests.every((digest, at) => digest === had[at]);
    if (sameContent && keys.every((key) => now[key] === before[key])) return 'same';
    await outbox.put({ channel, op: 'finish', path, meta: { size, mode, uid, gid, mtimeNs: String(mtimeNs) } });
    return 'sent';
  }

  async #open(path: string): Promise<FileHandle | undefined> {
    let file: FileHandle;
    try {
      const { O_RDONLY, O_NOFOLLOW, O_NOATIME, O_NONBLOCK } = constants;
      file = await open(fileAt(this.#root, path), O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? ''))
        return undefined;
      const why = (error as Error).message;
      throw new Fault('CopyFailed', `cannot read ${path} below ${this.#root}: ${why}`, { cause: error });
    }
    // A directory on the way may have become a symbolic link, out of the container: then this is another file.
    if ((await file.stat()).isFile() && (await this.#isAt(path, file))) return file;
    await file.close();
    return undefined;
  }

  /** Whether an open file is where the kernel says that it is; one without a name any more is nowhere. */
  async #isAt(path: string, file: FileHandle): Promise<boolean> {
    const root = await open(this.#root, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return placeOf(file).equals(Buffer.concat([placeOf(root), Buffer.from('/'), bytesOf(path)]));
    } finally {
      await root.close();
    }
  }
}

function placeOf({ fd }: FileHandle): Buffer {
  return readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' });
}

interface Chunk {
  offset: number;
  bytes: Buffer;
  /** Empty for nothing but zeros. */
  digest: string;
}

async function* chunksOf(file: FileHandle, signal: AbortSignal): AsyncGenerator<Chunk> {
  for (let offset = 0; ; offset += chunkBytes) {
    signal.throwIfAborted();
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, offset);
    if (bytesRead === 0) return;
    const bytes = buffer.subarray(0, bytesRead);
    const empty = bytes.equals(zeros.subarray(0, bytesRead));
    yield { offset, bytes, digest: empty ? '' : hash('sha256', bytes, 'base64') };
    if (bytesRead < chunkBytes) return;
  }
}
