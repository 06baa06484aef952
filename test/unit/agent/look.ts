/** What can be told of a tree without changing it, and what Node has no calls for. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

const kernel = ['perl', join(import.meta.dirname, 'kernel.pl')] as const;

/**
 * Kind, mode, owner, time of change in milliseconds, content, extended attributes and names of the same file, for each
 * path. Sockets are not looked at: who binds one makes it again.
 */
export function look(root: string): Record<string, string> {
  const paths = below(root, '');
  const xattrs = attributes(paths.map((path) => Buffer.concat([Buffer.from(`${root}/`), bytes(path)])));
  const firstOf = new Map<number, string>();
  const seen: Record<string, string> = {};
  for (const [at, path] of paths.entries()) {
    const file = Buffer.concat([Buffer.from(`${root}/`), bytes(path)]);
    const stats = lstatSync(file);
    if (stats.isSocket()) continue;
    const first = stats.isDirectory() || stats.nlink === 1 ? path : (firstOf.get(stats.ino) ?? path);
    firstOf.set(stats.ino, first);
    const link = first === path ? '' : ` the same file as ${first}`;
    const { mode, uid, gid, mtimeMs } = stats;
    seen[path] =
      `${contentOf(stats, file)} ${mode.toString(8)} ${uid}:${gid} ${Math.round(mtimeMs)} ${xattrs[at]}${link}`.trim();
  }
  return seen;
}

export function setXattr(path: string, name: string, value: string | Buffer): void {
  execFileSync(kernel[0], [kernel[1], 'setxattr', path, name, Buffer.from(value).toString('hex')], { stdio: 'pipe' });
}

export function removeXattr(path: string, name: string): void {
  execFileSync(kernel[0], [kernel[1], 'removexattr', path, name], { stdio: 'pipe' });
}

/** Programs that map a file and write to it through memory, which leaves no trace in its timestamps. */
export class Mapping {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines;
  }

  static async of(path: string): Promise<Mapping> {
    const child = spawn(kernel[0], [kernel[1], 'mapped', path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const mapping = new Mapping(child, createInterface(child.stdout));
    await mapping.#answer();
    return mapping;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async write(text: string): Promise<void> {
    this.#child.stdin?.write(`${text}\n`);
    await this.#answer();
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #answer(): Promise<void> {
    await new Promise((resolve, reject) => {
      this.#lines.once('line', resolve);
      this.#child.once('exit', (code) => reject(new Error(`kernel.pl mapped: exit ${code}`)));
    });
  }
}

/** Names as their bytes, one character each. */
function below(root: string, path: string): string[] {
  const here = Buffer.concat([Buffer.from(`${root}/`), bytes(path)]);
  const found = path === '' ? ['.'] : [];
  for (const name of readdirSync(here, 'latin1').sort()) {
    const child = path === '' ? name : `${path}/${name}`;
    found.push(child);
    if (lstatSync(Buffer.concat([Buffer.from(`${root}/`), bytes(child)])).isDirectory())
      found.push(...below(root, child));
  }
  return found;
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function contentOf(stats: Stats, file: Buffer): string {
  if (stats.isFile())
    return `${stats.size} ${createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16)}`;
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(file, 'latin1')}`;
  return stats.isDirectory() ? 'directory' : `device ${stats.rdev}`;
}

function attributes(paths: Buffer[]): string[] {
  const input = Buffer.concat(paths.flatMap((path) => [path, Buffer.of(0)]));
  return execFileSync(kernel[0], [kernel[1], 'xattrs'], { input, maxBuffer: 64 << 20 })
    .toString('latin1')
    .split('\n');
}
