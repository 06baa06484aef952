/** The CLI, called as a person would. */
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { toObject } from '../../coordinator/cli/show.ts';
import { clientFlags, clientIdentity, type Lab } from '../lab/index.ts';

/** What `-o json` prints. */
export type Migration = ReturnType<typeof toObject>;

const argv = (lab: Lab, words: readonly string[]) => {
  const cli = join(import.meta.dirname, '../../coordinator/cli/kubectl-migrate.ts');
  return [process.execPath, cli, ...words, '-o', 'json', ...clientFlags(lab, clientIdentity)];
};

/**
 * Moves a pod and waits for the end.
 *
 * @param terminal where it may draw its line of progress: this process's own stderr
 * @throws when that is not Succeeded, with what the CLI said
 */
export async function migrate(
  lab: Lab,
  words: readonly string[],
  terminal: boolean,
  signal: AbortSignal,
): Promise<Migration> {
  const child = lab.spawn('control', argv(lab, words), {
    stdio: ['ignore', 'pipe', terminal ? 'inherit' : 'pipe'],
    signal,
  });
  const printed = text(child.stdout as Readable);
  const said = child.stderr === null ? '' : text(child.stderr);
  const [code] = (await once(child, 'close')) as [number | null];
  signal.throwIfAborted();
  if (code === 0) return JSON.parse(await printed) as Migration;
  throw new Error(`kubectl migrate ended with ${String(code)}\n${endOf(await printed)}${await said}`.trim());
}

/** Of one that was refused there is no object. */
function endOf(printed: string): string {
  if (printed === '') return '';
  const { id, phase, reason = '', message = '' } = JSON.parse(printed) as Migration;
  return `${id} ${phase}: ${reason}: ${message}\n`;
}

/** `watch`: told of every change of phase of every migration, until it is closed. */
export class Watch {
  /** Whoever wants to know at the moment. */
  tell: (migration: Migration) => void = () => {};
  readonly #ending = new AbortController();
  readonly #ended: Promise<unknown>;

  constructor(lab: Lab, signal: AbortSignal) {
    const child = lab.spawn('control', argv(lab, ['watch']), {
      stdio: ['ignore', 'pipe', 'ignore'],
      signal: AbortSignal.any([signal, this.#ending.signal]),
    });
    createInterface({ input: child.stdout as Readable }).on('line', (line) => this.tell(JSON.parse(line) as Migration));
    this.#ended = once(child, 'close');
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#ended;
  }
}
