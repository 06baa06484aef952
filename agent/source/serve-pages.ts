/**
 * The source's end of post-copy: reads the memory of processes that stand still when the target asks for it. Nothing of
 * it is used up, so a connection that was lost is made again, by the next agent if need be.
 */
import { closeSync, openSync, read, readFileSync } from 'node:fs';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import { freezerAt } from '../runtime/freezer.ts';
import { headBytes, type Kind, kinds, writeHead } from '../transfer/stream/frames.ts';
import type { Link, LinkHandler } from '../transfer/stream/link.ts';
import type { StreamTransport } from '../transfer/stream/stream.ts';
import type { OwedPages, SourceMigration } from './source.ts';

/** Between two tries to reach the target. */
const restMs = 500;
/** One question's; the target asks for a MiB at most. */
const mostBytes = 16 << 20;
/** Up to that many, a process waits for them. */
const urgentBytes = 64 << 10;
/** Of a Data frame: what a TLS socket is given at once it encrypts before it sends any of it. */
const blockBytes = 256 << 10;

interface Wanted {
  container: string;
  id: number;
  pid: number;
  at: number;
  bytes: number;
}

export class PageServer {
  /** Bytes that were asked for and have left; some are asked for twice. */
  sent = 0;
  /** Since when there is no connection, on performance.now(); undefined: there is one. */
  lostAt: number | undefined = performance.now();
  readonly #source: SourceMigration;
  readonly #owed: OwedPages;
  readonly #transport: Pick<StreamTransport, 'dialPages'>;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  /** By container and the pid that its processes know. */
  #memories: Map<string, number> | undefined;
  readonly #open = new Map<string, number>();

  constructor(
    source: SourceMigration,
    owed: OwedPages,
    { transport, log }: { transport: Pick<StreamTransport, 'dialPages'>; log: Logger },
  ) {
    this.#source = source;
    this.#owed = owed;
    this.#transport = transport;
    this.#log = log.child({ migration: source.record.plan.id });
  }

  /** @returns when it is connected, or cannot be for the first time; tries go on until it is stopped */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    void this.#serve(first.resolve, first.reject);
    await first.promise;
  }

  stop(): void {
    this.#stopping.abort(new Fault('Cancelled', 'no page is asked for any more'));
    for (const file of this.#open.values()) closeSync(file);
    this.#open.clear();
  }

  async #serve(connected: () => void, failed: (error: unknown) => void): Promise<void> {
    const { signal } = this.#stopping;
    const { plan } = this.#source.record;
    const to = { migration: plan.id, address: this.#owed.address, peer: plan.target_node, token: this.#owed.secret };
    while (!signal.aborted && this.#owed.state === 'owed') {
      try {
        const { gone } = await this.#transport.dialPages(to, (link) => this.#answer(link, signal), signal);
        this.lostAt = undefined;
        connected();
        const why = await gone;
        if (this.#owed.state === 'owed') this.#log.warn({ reason: why.reason }, why.message);
      } catch (error) {
        failed(error);
        if (!signal.aborted) this.#log.warn({ err: error }, 'the target cannot be reached for its memory');
      }
      this.lostAt ??= performance.now();
      await delay(restMs, undefined, { signal }).catch(() => {});
    }
  }

  /** @returns why the link has ended, when it has */
  #answer(link: Link, signal: AbortSignal): { gone: Promise<Fault> } {
    const { promise, resolve } = Promise.withResolvers<Fault>();
    const ends = (): void => {
      void link.hangUp();
      resolve(Fault.from(signal.reason, 'Cancelled'));
    };
    signal.addEventListener('abort', ends, { once: true });
    const open: Wanted[] = [];
    let busy = false;
    const giveAll = async () => {
      busy = true;
      for (let wanted = next(open); wanted !== undefined; wanted = next(open)) await this.#give(link, wanted);
      busy = false;
    };
    const handler: LinkHandler = {
      frame: (kind, value) => {
        if (kind === kinds.Memory) return this.#ended(value);
        open.push(readWanted(kind, value));
        if (busy) return;
        giveAll().catch((error: unknown) => {
          const fault = Fault.from(error, 'TransferFailed', 'cannot read the memory of a process');
          this.#log.error({ err: fault }, fault.message);
          void link.refuse(fault);
          handler.gone(fault);
        });
      },
      data() {
        throw new Fault('TransferFailed', 'bytes came where only questions may');
      },
      gone: (fault) => {
        open.splice(0);
        signal.removeEventListener('abort', ends);
        resolve(fault);
      },
    };
    link.handler = handler;
    return { gone: promise };
  }

  #ended(value: unknown): void {
    const { memory } = (value ?? {}) as { memory?: unknown };
    if (memory !== 'here' && memory !== 'lost')
      throw new Fault('TransferFailed', 'the target does not say how it ended');
    settlePages(this.#source, memory, `${this.#source.record.plan.target_node} has waited in vain for memory`);
  }

  async #give(link: Link, { container, id, pid, at, bytes }: Wanted): Promise<void> {
    const memory = this.#memoryOf(container, pid);
    const made = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await promisify(read)(memory, made, 0, bytes, at);
    if (bytesRead !== bytes) {
      throw new Fault('TransferFailed', `${bytes} bytes at ${at} of process ${pid} cannot be read: only ${bytesRead}`);
    }
    link.send(kinds.Pages, { container, id, bytes });
    for (let from = 0; from < bytes; from += blockBytes) {
      const block = made.subarray(from, from + blockBytes);
      const head = Buffer.allocUnsafe(headBytes);
      writeHead(head, 0, kinds.Data, block.length);
      link.socket.write(head);
      if (!link.socket.write(block)) await drained(link.socket);
    }
    this.sent += bytes;
  }

  #memoryOf(container: string, pid: number): number {
    const name = `${container} ${pid}`;
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    this.#memories ??= this.#look();
    const real = this.#memories.get(name);
    if (real === undefined) throw new Fault('TransferFailed', `container ${container} has no process ${pid}`);
    const file = openSync(`/proc/${real}/mem`, 'r');
    this.#open.set(name, file);
    return file;
  }

  #look(): Map<string, number> {
    const found = new Map<string, number>();
    for (const { name, freezer: where } of this.#source.record.details.containers) {
      const freezer = freezerAt(where);
      if (!freezer.isFrozen()) throw new Fault('TransferFailed', `container ${name} does not stand still`);
      const pids = freezer.pids().map((pid) => ({ pid, names: pidsOf(readFileSync(`/proc/${pid}/status`, 'utf8')) }));
      // As the outermost of the container's own namespaces calls them.
      const level = Math.min(...pids.map(({ names }) => names.length)) - 1;
      for (const { pid, names } of pids) found.set(`${name} ${names[level]}`, pid);
    }
    return found;
  }
}

/** A process's pids in all namespaces that it is in, outermost first. @param status of /proc/PID/status */
export function pidsOf(status: string): number[] {
  return (/^NSpid:\s*(.*)$/m.exec(status)?.[1] ?? '').split(/\s+/).filter(Boolean).map(Number);
}

/** The target's word, or its certain end. Written down before anybody acts on it. */
export function settlePages(source: SourceMigration, state: 'here' | 'lost', why: string): void {
  const { pages } = source.record.details;
  if (pages?.state !== 'owed') return;
  pages.state = state;
  if (state === 'lost') source.fault(new Fault('MemoryLost', why));
  source.moment(state === 'here' ? 'memory-here' : 'memory-lost');
  source.enter(source.record.step);
}

/** Or closed, which whoever goes on writing is not told, and whoever has the link is. */
async function drained(socket: Socket): Promise<void> {
  const either = new AbortController();
  const { signal } = either;
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]);
  either.abort();
}

/** What a process waits for is little, and goes before what nobody waits for yet. */
function next(open: Wanted[]): Wanted | undefined {
  const urgent = open.findIndex(({ bytes }) => bytes <= urgentBytes);
  return open.splice(Math.max(0, urgent), 1)[0];
}

function readWanted(kind: Kind, value: unknown): Wanted {
  const { container, id, pid, at, bytes } = (value ?? {}) as Record<string, unknown>;
  const numbers = [id, pid, at, bytes];
  const isRight =
    kind === kinds.Wanted &&
    typeof container === 'string' &&
    numbers.every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
  if (!isRight || (bytes as number) > mostBytes) {
    throw new Fault('TransferFailed', `a frame of kind ${kind} asks for no memory that there could be`);
  }
  return value as Wanted;
}
