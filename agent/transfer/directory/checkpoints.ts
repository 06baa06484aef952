/**
 * The checkpoints in the directory that nodes share: DIR/checkpoints/ID, with segments, their manifests and, written
 * last, the list of them. One that is being made has another name, under which nobody looks for it. Other nodes write
 * there too, so nothing that lies there is followed, waited for or believed.
 */
import { lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Fault } from '../../../proto/fault.ts';
import { checkLabel } from '../../paths.ts';
import { storageFault } from '../foreign-error.ts';
import { answered, Attempt, partial, publish, Share, writeWhole } from '../nfs/share.ts';
import { contentsPath, digestOf, encodeContents } from './contents.ts';
import { Stored } from './stored.ts';

export class Checkpoints {
  readonly #directory: string;
  readonly #node: string;
  readonly #log: Pick<Logger, 'warn'>;

  /** @param shared the directory that nodes share. @param node ours: what it left half made is swept by nobody else */
  constructor(shared: string, node: string, log: Pick<Logger, 'warn'>) {
    this.#directory = join(shared, 'checkpoints');
    this.#node = node;
    this.#log = log;
  }

  /** A fresh place for one. */
  async make(id: string): Promise<Attempt> {
    const attempt = this.#partial(id);
    const make = async () => {
      await mkdir(this.#directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      await this.#checkDirectory();
      await mkdir(attempt.directory, { mode: 0o700 });
      await writeFile(join(attempt.directory, 'owner'), this.#node, { mode: 0o600 });
    };
    try {
      await answered(make(), 'making a directory');
    } catch (error) {
      const then = 'is it mounted, and may root write there?';
      throw Fault.from(error, 'TransportUnavailable', `cannot make ${attempt.directory} (${then})`);
    }
    return attempt;
  }

  /** Read again before it gets its name: what cannot be read now will not be when it is needed. */
  async seal(id: string, attempt: Attempt, segments: readonly string[], signal: AbortSignal): Promise<void> {
    const contents = { segments: [...segments] };
    await writeWhole(contentsPath(attempt), encodeContents(contents));
    const written = new Stored(attempt, { id, digest: digestOf(contents) });
    await written.replay({ accept: () => Promise.resolve() }, signal);
    const { directory } = this.#sealed(id);
    try {
      await answered(publish(attempt.directory, directory), `naming ${directory}`);
      // It belongs to nobody from now on: no sweep of a node's leftovers may take it.
      await answered(rm(join(directory, 'owner')), `writing ${directory}`);
    } catch (error) {
      throw storageFault(error, `cannot seal ${directory}`);
    }
  }

  /** @throws Fault CheckpointNotFound */
  async open({ id, digest }: { id: string; digest: string }): Promise<Stored> {
    const sealed = this.#sealed(id);
    await this.#checkDirectory();
    const stats = await answered(lstat(sealed.directory), `looking for ${sealed.directory}`).catch((error: unknown) => {
      if (isAbsent(error)) throw new Fault('CheckpointNotFound', `there is no checkpoint in ${sealed.directory}`);
      throw storageFault(error, `cannot read ${sealed.directory}`);
    });
    if (!stats.isDirectory()) throw new Fault('VerifyFailed', `${sealed.directory} is no directory`);
    return new Stored(sealed, { id, digest });
  }

  /** One that is being made, at the end of its transfer: when that was sealed it has another name, and stays. */
  async remove(attempt: Attempt): Promise<void> {
    await this.#erase(attempt).catch((error: unknown) => {
      this.#log.warn({ err: error, directory: attempt.directory }, 'cannot remove half a checkpoint; sweep will');
    });
  }

  /** All that there is of it. May be repeated. */
  async erase(id: string): Promise<void> {
    const places = [this.#sealed(id), this.#partial(id)];
    try {
      await this.#checkDirectory();
    } catch (error) {
      if (isAbsent(error)) return;
      throw error;
    }
    for (const place of places) {
      await this.#erase(place).catch((error: unknown) => {
        throw storageFault(error, `cannot remove ${place.directory}`);
      });
    }
  }

  /** @param alive those that this node may still be making. @returns the leftovers that are gone */
  async sweep(alive: ReadonlySet<string>): Promise<string[]> {
    try {
      await this.#checkDirectory();
    } catch {
      return [];
    }
    const own = new Share(this.#directory, this.#node, this.#log);
    return await own.sweep(new Set([...alive].map((id) => this.#partial(id).name)));
  }

  /** Another node must not have us write or remove elsewhere. */
  async #checkDirectory(): Promise<void> {
    const stats = await answered(lstat(this.#directory), `looking for ${this.#directory}`);
    if (!stats.isDirectory())
      throw new Fault('VerifyFailed', `${this.#directory} is no directory: who has put it there?`);
  }

  async #erase({ directory }: Attempt): Promise<void> {
    await answered(rm(directory, { recursive: true, force: true, maxRetries: 3 }), `removing ${directory}`);
  }

  #sealed(id: string): Attempt {
    return new Attempt(this.#directory, checkLabel('checkpoint', id));
  }

  #partial(id: string): Attempt {
    return new Attempt(this.#directory, partial(checkLabel('checkpoint', id)));
  }
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
