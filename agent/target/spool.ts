/**
 * What arrives for a container that is not there yet: kubelet makes a pod's containers one after the other, each when
 * the one before it runs. It lies in the staging, in order, until the container's root is mounted.
 */
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arriving, Entry } from '../transfer/transfer.ts';
import { save } from '../transfer/save.ts';
import type { AppliedTree } from '../tree/apply.ts';

export class Spool {
  readonly #directory: string;
  #next = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async accept(entry: Entry, body: Arriving): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const name = String(this.#next++).padStart(8, '0');
    await save(body, join(this.#directory, `${name}.body`));
    await writeFile(join(this.#directory, `${name}.entry`), JSON.stringify(entry));
  }

  async close(): Promise<void> {}
}

/** Does to a tree what has been spooled for it, and removes the spool. Nothing, where none was. */
export async function replay(directory: string, tree: AppliedTree): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((each) => each.endsWith('.entry')).sort()) {
    const entry = JSON.parse(await readFile(join(directory, name), 'utf8')) as Entry;
    await tree.accept(entry, createReadStream(join(directory, name.replace(/entry$/, 'body'))));
  }
  await rm(directory, { recursive: true, force: true });
}
