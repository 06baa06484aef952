/**
 * A migration that is asked for as a person would, and the moments of its course at which a test can step in. What it
 * is doing is read from the nodes' journals, from outside: the parts that are to fail are not asked.
 */
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import type { SourceStep } from '../../agent/source/source.ts';
import type { TargetStep } from '../../agent/target/target.ts';
import { clientFlags, clientIdentity, type Lab, type NodeName } from '../lab/index.ts';
import type { Migrated, Migration } from './migrate.ts';

const cli = join(import.meta.dirname, '../../coordinator/cli/kubectl-migrate.ts');

export function startCli(lab: Lab, words: readonly string[], identity = clientIdentity): ChildProcess {
  const argv = [process.execPath, cli, ...words, '-o', 'json', ...clientFlags(lab, identity)];
  return lab.spawn('control', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
}

export async function endOf(child: ChildProcess): Promise<Migrated> {
  const printed = text(child.stdout as Readable);
  const said = text(child.stderr as Readable);
  const [code] = (await once(child, 'close')) as [number | null];
  const [out, stderr] = await Promise.all([printed, said]);
  return { code: code ?? 128, migration: out === '' ? undefined : (JSON.parse(out) as Migration), stderr };
}

/** `kubectl migrate WORDS…`, to its end. */
export async function kubectlMigrate(lab: Lab, ...words: string[]): Promise<Migrated> {
  const waits = words.includes('--to') && !words.some((word) => /^--(wait|detach|dry-run)$/.test(word));
  return await endOf(startCli(lab, [...words, ...(waits ? ['--wait', 'all'] : [])]));
}

export interface Route {
  source: NodeName;
  target: NodeName;
}

export class Attempt {
  readonly ended: Promise<Migrated>;
  readonly route: Route;
  readonly #lab: Lab;
  readonly #child: ChildProcess;
  readonly #known: ReadonlySet<string>;

  private constructor(lab: Lab, route: Route, known: ReadonlySet<string>, words: readonly string[]) {
    this.#lab = lab;
    this.route = route;
    this.#known = known;
    this.#child = startCli(lab, words);
    this.ended = endOf(this.#child);
  }

  /** A move with a short linger; flags come after that and win. */
  static start(lab: Lab, pod: string, route: Route, ...flags: string[]): Attempt {
    // The first migration of a node makes them; they are watched from before that.
    for (const side of ['source', 'target'] as const) mkdirSync(journals(lab, route[side], side), { recursive: true });
    const known = new Set(namesIn(journals(lab, route.target, 'target')));
    return new Attempt(lab, route, known, [pod, '--to', route.target, '--linger', '100ms', '--wait', 'all', ...flags]);
  }

  /** To the client's process alone. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when the target has it in its journal: from then on it has a name. */
  async id(): Promise<string> {
    const directory = journals(this.#lab, this.route.target, 'target');
    const found = () => namesIn(directory).find((name) => !this.#known.has(name));
    return await this.#before('it is prepared', until(directory, found));
  }

  /** Resolves when the source has written down this step, a moment before it does it. */
  async source(step: SourceStep): Promise<string> {
    return await this.#reaches(this.route.source, 'source', step);
  }

  async target(step: TargetStep): Promise<string> {
    return await this.#reaches(this.route.target, 'target', step);
  }

  /** Resolves in the midst of the files that go ahead. */
  async copying(): Promise<void> {
    await Promise.all([this.source('Prepared'), this.target('Waiting')]);
    await sleep(40);
  }

  /** Resolves when a file or directory of the source's or the target's side exists. */
  async appears(side: 'source' | 'target', name: string): Promise<string> {
    const top = journals(this.#lab, this.route[side], side);
    const path = join(top, await this.id(), name);
    const others: string[] = [];
    for (let directory = dirname(path); directory !== top; directory = dirname(directory)) others.unshift(directory);
    await this.#before(
      `${name} appears`,
      until(top, () => (exists(path) ? true : undefined), others),
    );
    return path;
  }

  async #reaches(node: NodeName, side: 'source' | 'target', step: string): Promise<string> {
    const id = await this.id();
    const top = journals(this.#lab, node, side);
    const record = join(top, id, 'record.json');
    const found = () => (stepIn(record) === step ? id : undefined);
    return await this.#before(`its ${side} is ${step}`, until(top, found, [join(top, id)]));
  }

  /** A moment that never comes is an error at once, not after the test's time is over. */
  async #before<T>(what: string, moment: Until<T>): Promise<T> {
    const missed = this.ended.then(({ migration, stderr }) => {
      moment.stop();
      throw new Error(`it ended before ${what}: ${JSON.stringify(migration)} ${stderr}`);
    });
    missed.catch(() => {});
    return await Promise.race([moment.found, missed]);
  }
}

export function journals(lab: Lab, node: NodeName, side: 'source' | 'target'): string {
  return join(lab.node(node).root, 'run/podferry', side);
}

interface Until<T> {
  found: Promise<T>;
  stop(): void;
}

/**
 * Looks whenever something changes in a directory or, once they are there, in others.
 *
 * Watched, not polled: some moments last a few milliseconds.
 */
function until<T>(directory: string, find: () => T | undefined, others: readonly string[] = []): Until<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const watchers: { close(): void }[] = [];
  const unwatched = new Set(others);
  const stop = () => {
    for (const watcher of watchers.splice(0)) watcher.close();
    unwatched.clear();
  };
  const look = () => {
    try {
      // Before the look, so that nothing falls between them.
      for (const other of unwatched) if (exists(other) && unwatched.delete(other)) watchers.push(watch(other, look));
      const found = find();
      if (found === undefined) return;
      stop();
      resolve(found);
    } catch (error) {
      stop();
      reject(error);
    }
  };
  watchers.push(watch(directory, look));
  look();
  return { found: promise, stop };
}

function exists(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOTDIR';
  }
}

function stepIn(record: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(record, 'utf8')) as { step: string }).step;
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
