/** test/workloads/connections.ts, where a pod can be reached: in `control`. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Lab } from '../lab/index.ts';
import type { Call, Datagram, Held } from '../workloads/connections.ts';

const program = join(import.meta.dirname, '../workloads/connections.ts');

interface Events {
  call: Call;
  hold: Held;
  datagrams: Datagram;
  listen: Held;
}

export class Client<Event> {
  /** So far. */
  readonly events: Event[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess, complaints: Promise<string>) {
    this.#child = child;
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      this.events.push(JSON.parse(line) as Event);
    });
    this.#ended = once(child, 'close').then(async ([code]) => {
      if (code !== 0) throw new Error(`connections.ts ended with ${String(code)}: ${await complaints}`);
    });
    this.#ended.catch(() => {});
  }

  static start<Mode extends keyof Events>(lab: Lab, mode: Mode, ...words: (string | number)[]): Client<Events[Mode]> {
    const argv = [process.execPath, program, mode, ...words.map(String)];
    const child = lab.spawn('control', argv, { stdio: 'pipe' });
    return new Client<Events[Mode]>(child, text(child.stderr as Readable));
  }

  /** What a holder says on its connection. */
  send(line: string): void {
    this.#child.stdin?.write(`${line}\r\n`);
  }

  /** Makes it leave. @returns all that it has seen */
  async stop(): Promise<Event[]> {
    this.#child.stdin?.end();
    await this.#ended;
    return this.events;
  }
}
