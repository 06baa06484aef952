/** Clients with open connections, as a test in the host's own network has them: in `control`, which reaches the pods. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import type { Lab } from '../lab/index.ts';
import type { Addresses } from './addresses.ts';
import type { Kind } from './bunch.ts';
import { Inbox } from './inbox.ts';
import type { Report } from './main.ts';

export type { Report } from './main.ts';

const program = join(import.meta.dirname, 'main.ts');

export interface OpenClientsOptions {
  count?: number;
  /** All that there are servers for unless told. */
  kinds?: readonly Kind[];
  /** Milliseconds after each exchange, beside what a client rests by itself. */
  restMs?: number;
  signal?: AbortSignal;
}

export class OpenClients {
  readonly #child: ChildProcess;
  readonly #reports = new Inbox<Report[]>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    const complaints = text(child.stderr as Readable);
    // Of one that has ended only why it has ended counts.
    child.stdin?.on('error', () => {});
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      this.#reports.put(JSON.parse(line) as Report[]);
    });
    void once(child, 'close').then(async ([code]) => {
      this.#reports.fail(new Error(`the clients' process ended with ${String(code)}: ${await complaints}`));
    });
  }

  /** Resolves when all are open and work. */
  static async open(
    lab: Lab,
    at: Addresses,
    { count = 50, kinds = [], restMs = 0, signal }: OpenClientsOptions = {},
  ): Promise<OpenClients> {
    const argv = [process.execPath, program, String(count), String(restMs), ...kinds];
    const clients = new OpenClients(lab.spawn('control', argv, { stdio: 'pipe', ...(signal && { signal }) }));
    clients.#say(JSON.stringify(at));
    await clients.#reports.take();
    return clients;
  }

  /** How each of them is at the moment. */
  async look(): Promise<Report[]> {
    this.#say('tally');
    return await this.#reports.take();
  }

  /**
   * Ends them all, after the contents were compared at both ends.
   *
   * @param at where the servers are by now, if that is another address; connections that are there stay as they are
   */
  async stop(at?: Addresses): Promise<Report[]> {
    if (at === undefined) this.#child.stdin?.end();
    else this.#say(JSON.stringify(at));
    return await this.#reports.take();
  }

  /** Ends them at once, without a word: for who cleans up. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }
}

/** What is wrong with any of them, a line each; empty if nothing is. */
export function errorsOf(reports: readonly Report[]): string[] {
  return reports.flatMap(({ kind, errors }, number) => errors.map((error) => `${kind} (${number}): ${error}`));
}
