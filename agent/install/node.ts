/** The node from where the installer runs: its files below a directory, its programs in its own mount namespace. */
import { accessSync, constants, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { Fault, type Reason } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';

export interface Owned {
  mode: number;
  uid: number;
  gid: number;
  mtimeMs: number;
}

/** What is at a path. */
export type Entry =
  | { kind: 'absent' }
  | ({ kind: 'file'; sha256: string } & Owned)
  | { kind: 'link'; target: string }
  | { kind: 'directory' }
  | { kind: 'other' };

export const digest = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

/** Where distributions have programs; what this process has in its PATH are its own image's. */
const programDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const environment = { PATH: programDirectories.join(':'), LANG: 'C.UTF-8', HOME: '/root' };
const mostLinks = 40;

export class Node {
  readonly name: string;
  readonly #root: string;

  /** @param root where the node's / is mounted */
  constructor(name: string, root: string) {
    this.name = name;
    this.#root = root.replace(/\/+$/, '');
  }

  /**
   * Where a path of the node is for us. Links are followed as the node would: an absolute one would lead out of it.
   * @param last whether the path itself may be one that is followed
   */
  at(path: string, last = true): string {
    const rest = path.split('/').filter(Boolean);
    let reached = '';
    let links = 0;
    while (rest.length > 0) {
      const part = rest.shift() ?? '';
      if (part === '.') continue;
      const next = part === '..' ? dirname(reached || '/').replace(/^\/$/, '') : `${reached}/${part}`;
      const target = part === '..' || (!last && rest.length === 0) ? undefined : linkAt(this.#root + next);
      if (target === undefined) {
        reached = next;
        continue;
      }
      links += 1;
      if (links > mostLinks) throw new Fault('InvalidArgument', `${this.name}: ${path} is a circle of links: mend it`);
      if (target.startsWith('/')) reached = '';
      rest.unshift(...target.split('/').filter(Boolean));
    }
    return this.#root + (reached || '/');
  }

  /** @param last false: a link is one, wherever it leads */
  entry(path: string, last = false): Entry {
    const here = this.at(path, last);
    const found = lstatSync(here, { throwIfNoEntry: false });
    if (found === undefined) return { kind: 'absent' };
    if (found.isSymbolicLink()) return { kind: 'link', target: readlinkSync(here) };
    if (found.isDirectory()) return { kind: 'directory' };
    if (!found.isFile()) return { kind: 'other' };
    const { uid, gid, mtimeMs } = found;
    return { kind: 'file', sha256: digest(readFileSync(here)), mode: found.mode & 0o7777, uid, gid, mtimeMs };
  }

  /** Undefined for what is not there. */
  read(path: string): Buffer | undefined {
    const here = this.at(path);
    return existsSync(here) ? readFileSync(here) : undefined;
  }

  list(path: string): string[] {
    const here = this.at(path);
    return lstatSync(here, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(here).sort() : [];
  }

  /** Why nothing can be written at a path, or undefined. */
  unwritable(path: string): string | undefined {
    let directory = dirname(path);
    while (directory !== '/' && !existsSync(this.at(directory))) directory = dirname(directory);
    try {
      accessSync(this.at(directory), constants.W_OK);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return `${directory} is ${code === 'EROFS' ? 'on a read-only file system' : `not writable (${code})`}`;
    }
  }

  /** A program's path as containerd would find it. */
  program(name: string): string | undefined {
    const paths = name.startsWith('/') ? [name] : programDirectories.map((directory) => join(directory, name));
    return paths.find((path) => this.#isExecutable(path));
  }

  #isExecutable(path: string): boolean {
    try {
      const here = this.at(path);
      accessSync(here, constants.X_OK);
      return lstatSync(here).isFile();
    } catch {
      return false;
    }
  }

  /** Runs a program of the node with the node's files before it. */
  async run(argv: readonly [string, ...string[]], reason: Reason, what: string, timeout = 20_000): Promise<string> {
    return await this.#enter(['--mount'], argv, { reason, what: `${this.name}: ${what}`, timeout });
  }

  /** Runs a line of sh as if on the node itself: what it starts must not see anything of ours. */
  async command(line: string, what: string, timeout: number): Promise<string> {
    const all = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
    const reason = 'RuntimeUnsupported';
    return await this.#enter(all, ['sh', '-c', line], { reason, what: `${this.name}: ${what}`, timeout });
  }

  async #enter(
    namespaces: string[],
    argv: readonly [string, ...string[]],
    options: { reason: Reason; what: string; timeout: number },
  ): Promise<string> {
    const enter = this.#root === '' ? [] : ['nsenter', '--target', '1', ...namespaces, '--'];
    const bare = ['env', '-i', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
    const [program = '', ...rest] = [...enter, ...bare, ...argv];
    return await run([program, ...rest], options);
  }
}

function linkAt(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}
