/** Connections in the rarer states. What each case is, edge.py says, which is both ends of them. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Lab } from '../lab/index.ts';
import { ports } from '../subjects/images.ts';
import { Inbox } from './inbox.ts';

const program = join(import.meta.dirname, '../subjects/edge.py');

export const edgeCases = [
  'no-delay',
  'keep-alive',
  'dial-out',
  'outside-half-closed',
  'pod-half-closed',
  'unread',
  'unaccepted',
  'large-window',
  'urgent-unread',
  'urgent-inline',
  'urgent-later',
  'datagrams',
] as const;
export type EdgeCase = (typeof edgeCases)[number];

/** What came of it, as both ends say. */
export interface EdgeResult {
  errors: string[];
  /** How often something went to and fro, in the cases that go on all the time. */
  exchanges: number;
  /** Datagrams that were not answered: some may be lost. */
  lost?: number;
}

type Line = { reached: EdgeCase } | EdgeResult;

export class EdgeConnection {
  readonly what: EdgeCase;
  readonly #child: ChildProcess;
  readonly #lines = new Inbox<Line>();

  private constructor(what: EdgeCase, child: ChildProcess) {
    this.what = what;
    this.#child = child;
    const complaints = text(child.stderr as Readable);
    child.stdin?.on('error', () => {});
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      this.#lines.put(JSON.parse(line) as Line);
    });
    void once(child, 'close').then(async ([code]) => {
      this.#lines.fail(new Error(`edge.py ${what} ended with ${String(code)}: ${await complaints}`));
    });
  }

  /** Opens it to the edge container of a pod, and resolves when it is in the state that the case is about. */
  static async open(lab: Lab, what: EdgeCase, address: string): Promise<EdgeConnection> {
    const argv = ['python3', program, what, address, String(ports.edge)];
    const connection = new EdgeConnection(what, lab.spawn('control', argv, { stdio: 'pipe' }));
    const line = await connection.#lines.take();
    if ('errors' in line) throw new Error(`${what} was not reached: ${line.errors.join('; ')}`);
    return connection;
  }

  /**
   * Does what the case is about, and compares both ends.
   *
   * @param address where the pod is by now, if that is another one: for orders and datagrams; the connection stays
   */
  async finish(address = ''): Promise<EdgeResult> {
    this.#child.stdin?.end(`${address}\n`);
    const line = await this.#lines.take();
    if (!('errors' in line)) throw new Error(`${this.what} was reached twice`);
    return line;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
