/**
 * A directory that all nodes have mounted: DIR/MIGRATION/ATTEMPT/ with segments and their manifests. Whatever is in
 * it was written beside under another name, synchronised and renamed, so what has its right name is whole.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Fault } from '../../../proto/fault.ts';
import { checkLabel } from '../../paths.ts';
import { storageFault } from '../foreign-error.ts';

/** After it nobody can still be at it, not even a node that is gone for good and never sweeps. In milliseconds. */
const abandonedMs = 24 * 3_600_000;

/** For one operation; of a disk that is only slow, too. In milliseconds. */
const patienceMs = 20_000;

export class Share {
  readonly directory: string;
  readonly #node: string;
  readonly #log: Pick<Logger, 'warn'>;

  /** @param node ours: what it left is swept by nobody else */
  constructor(directory: string, node: string, log: Pick<Logger, 'warn'>) {
    this.directory = directory;
    this.#node = node;
    this.#log = log;
  }

  /** A fresh place for one transfer. */
  async make(migration: string): Promise<Attempt> {
    const attempt = this.attempt(migration, randomBytes(8).toString('hex'));
    try {
      await answered(this.#make(attempt), 'making a directory');
    } catch (error) {
      throw new Fault(
        'TransportUnavailable',
        `cannot write to the shared directory ${this.directory}: ${(error as Error).message}; is it mounted, and may root write there?`,
        { cause: error },
      );
    }
    return attempt;
  }

  async #make({ parent, directory }: Attempt): Promise<void> {
    await mkdir(parent, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await writeFile(join(parent, 'owner'), this.#node, { mode: 0o600 });
    await mkdir(directory, { mode: 0o700 });
  }

  /** @param name as the source told it */
  attempt(migration: string, name: unknown): Attempt {
    if (typeof name === 'string' && /^[0-9a-f]{16}$/.test(name)) {
      return new Attempt(join(this.directory, checkLabel('migration', migration)), name);
    }
    throw new Fault('InvalidArgument', `${JSON.stringify(name)} does not name a directory of a transfer`);
  }

  /** Both sides may do so at the same time. What cannot be removed now is swept later. */
  async remove(attempt: Attempt): Promise<void> {
    try {
      await answered(this.#remove(attempt), 'removing a directory');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.#log.warn({ err: error, directory: attempt.directory }, 'cannot remove what a transfer left; sweep will');
    }
  }

  async #remove({ directory, parent }: Attempt): Promise<void> {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    if ((await readdir(parent)).some((name) => name !== 'owner')) return;
    await rm(join(parent, 'owner'), { force: true });
    await rmdir(parent);
  }

  /** @param alive migrations of this node that may still use theirs. @returns those whose leftovers are gone */
  async sweep(alive: ReadonlySet<string>): Promise<string[]> {
    const swept: string[] = [];
    for (const migration of await this.#list()) {
      const directory = join(this.directory, migration);
      if (alive.has(migration) || !(await this.#isLeft(directory))) continue;
      try {
        await rm(directory, { recursive: true, force: true, maxRetries: 3 });
        swept.push(migration);
      } catch (error) {
        this.#log.warn({ err: error, directory }, 'cannot remove what an older migration left');
      }
    }
    return swept;
  }

  async #list(): Promise<string[]> {
    try {
      const entries = await readdir(this.directory, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    } catch (error) {
      throw new Fault('TransportUnavailable', `cannot list the shared directory: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Only what has an owner is of Podferry: other directories there are not ours to remove. */
  async #isLeft(directory: string): Promise<boolean> {
    try {
      const owner = join(directory, 'owner');
      if ((await readFile(owner, 'utf8')) === this.#node) return true;
      return (await stat(owner)).mtimeMs < Date.now() - abandonedMs;
    } catch {
      return false;
    }
  }
}

/**
 * A file server that is gone answers never, and a hard mount waits for it for ever. The thread that waits cannot be
 * had back, the migration can.
 */
export async function answered<T>(call: Promise<T>, what: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const why = `the file server did not answer for ${patienceMs} ms`;
    reject(new Fault('TransferFailed', `${what}: ${why}; see that it runs and can be reached from this node`));
  }, patienceMs);
  try {
    return await Promise.race([call, promise]);
  } finally {
    clearTimeout(timer);
    call.catch(() => {});
  }
}

export class Attempt {
  readonly parent: string;
  readonly name: string;

  constructor(parent: string, name: string) {
    this.parent = parent;
    this.name = name;
  }

  get directory(): string {
    return join(this.parent, this.name);
  }

  segment(number: number): string {
    return join(this.directory, `segment-${number}`);
  }

  manifest(number: number): string {
    return join(this.directory, `segment-${number}.json`);
  }
}

export function partial(path: string): string {
  return `${path}.partial`;
}

/** A small file, whole. */
export async function writeWhole(path: string, text: Buffer): Promise<void> {
  const write = async () => {
    const file = await open(partial(path), 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(partial(path), path);
  };
  try {
    await answered(write(), `writing ${path}`);
  } catch (error) {
    throw storageFault(error, `cannot write ${path}`);
  }
}

/** Makes what was written under another name appear whole under its own, and last. */
export async function publish(partial: string, path: string): Promise<void> {
  await rename(partial, path);
  const directory = await open(join(path, '..'));
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
