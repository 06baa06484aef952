/**
 * A client that writes all the time and knows what was acknowledged. A process of its own: it runs where a pod can be
 * reached, and what the test itself does cannot delay it. One write at a time, the next one an interval after the last one
 * began, or at once when its answer came later than that: over a connection of its own, or (keep) over one that stays open.
 *
 *   node redis-writer.ts ADDRESS [--mode each|keep] …
 *
 * stdin: a line with an address sends it there; the end of stdin (or SIGTERM) makes it stop, read every acknowledged
 * write back and leave. stdout: one line of JSON with its first acknowledgement, one with the summary at the end.
 */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { type Break, Broken, RedisConnection } from './redis-connection.ts';

export interface WriterSummary {
  mode: 'each' | 'keep';
  acked: number;
  /** Acknowledged, and not there or not the same when read back. */
  lost: number;
  /** The longest time between two acknowledgements in succession; also from the last one to the end. */
  maxGapMs: number;
  /** When that began, to lay it beside a migration's own moments. */
  gapBeganUnixMs: number;
  /** Tries without an acknowledgement. Such a write may exist or not, so it is no loss, and its key is never used again. */
  retries: number;
  refused: number;
  resets: number;
  closes: number;
  timeouts: number;
  unreachable: number;
  rejected: number;
  /** Tries that failed, the first and the last of them, to lay them beside a migration's own moments. */
  failed?: { firstUnixMs: number; lastUnixMs: number };
  /** Of connections that had been there: how they ended, and how long a write had been waiting for its answer by then. */
  breaks: { kind: Break; waitedMs: number }[];
}

interface Options {
  mode: 'each' | 'keep';
  port: number;
  interval: number;
  timeout: number;
  prefix: string;
}

class Writer {
  readonly #options: Options;
  readonly #acked = new Map<string, string>();
  readonly #failures: Record<Break, number> = {
    refused: 0,
    reset: 0,
    closed: 0,
    timeout: 0,
    unreachable: 0,
    rejected: 0,
  };
  readonly #breaks: WriterSummary['breaks'] = [];
  #address: string;
  #kept: { connection: RedisConnection; address: string } | undefined;
  #tries = 0;
  #lastAck: number | undefined;
  #gap = { ms: 0, began: 0 };
  #failed: WriterSummary['failed'];

  constructor(address: string, options: Options) {
    this.#address = address;
    this.#options = options;
  }

  /** A write that is under way is left to end as it does: that is what is to be seen. */
  goTo(address: string): void {
    this.#address = address;
  }

  async run(stop: AbortSignal, writing: () => void): Promise<void> {
    while (!stop.aborted) {
      const due = performance.now() + this.#options.interval;
      try {
        await this.#write();
        if (this.#acked.size === 1) writing();
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        this.#failures[error.kind] += 1;
        const now = round(performance.timeOrigin + performance.now());
        this.#failed = { firstUnixMs: this.#failed?.firstUnixMs ?? now, lastUnixMs: now };
        this.#drop();
      }
      await sleep(Math.max(0, due - performance.now()));
    }
    this.#measureGap();
    this.#drop();
  }

  async #write(): Promise<void> {
    const { port, timeout, prefix, mode } = this.#options;
    const began = performance.now();
    const key = `${prefix}${this.#tries++}`;
    const value = randomBytes(12).toString('hex');
    const address = this.#address;
    if (this.#kept?.address !== address) this.#drop();
    const connection = this.#kept?.connection ?? (await RedisConnection.open(address, port, timeout));
    const asked = performance.now();
    try {
      await connection.command(['SET', key, value], timeout - (asked - began));
    } catch (error) {
      if (error instanceof Broken) this.#breaks.push({ kind: error.kind, waitedMs: performance.now() - asked });
      // One that was only rejected is still there, and would keep this process from ending.
      connection.close();
      throw error;
    }
    this.#acked.set(key, value);
    this.#measureGap();
    if (mode === 'keep') this.#kept = { connection, address };
    else connection.close();
  }

  #measureGap(): void {
    const now = performance.now();
    const ms = this.#lastAck === undefined ? 0 : now - this.#lastAck;
    if (ms > this.#gap.ms) this.#gap = { ms, began: performance.timeOrigin + now - ms };
    if (this.#lastAck !== undefined || this.#acked.size > 0) this.#lastAck = now;
  }

  #drop(): void {
    this.#kept?.connection.close();
    this.#kept = undefined;
  }

  async verify(): Promise<WriterSummary> {
    const lost = await this.#readBack();
    const { refused, reset, closed, timeout, unreachable, rejected } = this.#failures;
    return {
      mode: this.#options.mode,
      acked: this.#acked.size,
      lost,
      maxGapMs: round(this.#gap.ms),
      gapBeganUnixMs: round(this.#gap.began),
      retries: this.#tries - this.#acked.size,
      refused,
      resets: reset,
      closes: closed,
      timeouts: timeout,
      unreachable,
      rejected,
      ...(this.#failed && { failed: this.#failed }),
      breaks: this.#breaks.map(({ kind, waitedMs }) => ({ kind, waitedMs: round(waitedMs) })),
    };
  }

  /** A few hundred keys at a time, in case of doubt from the start: reading may meet a migration too. */
  async #readBack(): Promise<number> {
    const { port } = this.#options;
    const patience = performance.now() + 10_000;
    for (;;) {
      try {
        const connection = await RedisConnection.open(this.#address, port, 1_000);
        const lost = await countLost(connection, [...this.#acked]);
        connection.close();
        return lost;
      } catch (error) {
        if (!(error instanceof Broken) || performance.now() > patience) throw error;
        await sleep(50);
      }
    }
  }
}

async function countLost(connection: RedisConnection, acked: readonly (readonly [string, string])[]): Promise<number> {
  let lost = 0;
  for (let at = 0; at < acked.length; at += 500) {
    const some = acked.slice(at, at + 500);
    const values = await connection.command(['MGET', ...some.map(([key]) => key)], 5_000);
    if (!Array.isArray(values)) throw new Error('MGET was not answered with a list');
    lost += some.filter(([, value], index) => String(values[index]) !== value).length;
  }
  return lost;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function print(object: object): void {
  process.stdout.write(`${JSON.stringify(object)}\n`);
}

const command = new Command('redis-writer')
  .argument('<address>')
  .addOption(
    new Option('--mode <mode>', 'a connection for each write, or one that is kept open')
      .choices(['each', 'keep'])
      .default('each'),
  )
  .option('--port <port>', 'where Redis listens', Number, 6379)
  .option('--interval <ms>', 'from one write to the next, and to the next try', Number, 5)
  .option('--timeout <ms>', 'of one try', Number, 1_000)
  .option('--prefix <text>', 'of its keys', 'w:')
  .parse();

const [address = ''] = command.args;
const writer = new Writer(address, command.opts<Options>());
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
// Ctrl-C reaches everything in the terminal's foreground; whoever started this one tells it when to stop.
process.on('SIGINT', () => {});
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  if (isIP(line) === 0) process.stderr.write(`redis-writer: ${JSON.stringify(line)} is no address\n`);
  else writer.goTo(line);
});
input.on('close', () => stop.abort());

await writer.run(stop.signal, () => print({ writing: address }));
const summary = await writer.verify();
print(summary);
input.close();
process.exitCode = summary.lost === 0 ? 0 : 1;
