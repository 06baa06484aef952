/** A Redis pod's clients, as a test in the host's own network starts them: in `control`, which reaches the pods. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Lab, Place } from '../lab/index.ts';
import { nodeProgramInNode, repositoryInNode } from '../lab/layout.ts';
import type { RedisContent } from './redis-data.ts';
import type { WriterSummary } from './redis-writer.ts';

export type { RedisContent } from './redis-data.ts';
export type { WriterSummary } from './redis-writer.ts';

const script = (name: string) => [process.execPath, join(import.meta.dirname, name)];

/** Fills a Redis with so many megabytes of random values. */
export async function fillRedis(lab: Lab, address: string, mb: number, signal?: AbortSignal): Promise<RedisContent> {
  return await askData(lab, ['fill', address, '--mb', String(mb)], signal);
}

/**
 * Reads all of a Redis.
 *
 * @param except leaves keys with this prefix out: those of a writer that goes on meanwhile
 */
export async function contentOf(
  lab: Lab,
  address: string,
  except?: string,
  signal?: AbortSignal,
): Promise<RedisContent> {
  return await askData(lab, ['content', address, ...(except === undefined ? [] : ['--except', except])], signal);
}

async function askData(lab: Lab, argv: readonly string[], signal?: AbortSignal): Promise<RedisContent> {
  const answer = await lab.run('control', [...script('redis-data.ts'), ...argv], signal ? { signal } : {});
  return JSON.parse(answer) as RedisContent;
}

export interface WriterOptions {
  /** Where it runs: `control` unless told. Services are known on the nodes alone. */
  place?: Place;
  mode?: 'each' | 'keep';
  intervalMs?: number;
  timeoutMs?: number;
  prefix?: string;
  signal?: AbortSignal;
}

/** A writer that writes. See redis-writer.ts. */
export class RunningWriter {
  readonly #child: ChildProcess;
  readonly #summary: Promise<WriterSummary>;

  private constructor(child: ChildProcess, summary: Promise<WriterSummary>) {
    this.#child = child;
    this.#summary = summary;
  }

  /** Resolves when its first write has been acknowledged. */
  static async start(lab: Lab, address: string, options: WriterOptions = {}): Promise<RunningWriter> {
    const { place = 'control', mode = 'each', intervalMs = 5, timeoutMs = 1_000, prefix = 'w:', signal } = options;
    const flags = ['--mode', mode, '--interval', `${intervalMs}`, '--timeout', `${timeoutMs}`, '--prefix', prefix];
    const program =
      place === 'control'
        ? script('redis-writer.ts')
        : [nodeProgramInNode, `${repositoryInNode}/test/workloads/redis-writer.ts`];
    const argv = [...program, address, ...flags];
    const child = lab.spawn(place, argv, { stdio: 'pipe', ...(signal && { signal }) });
    // Of a writer that was ended from outside only the first error counts, and that is another's.
    child.stdin?.on('error', () => {});
    const lines = createInterface({ input: child.stdout as Readable });
    const complaints = text(child.stderr as Readable);
    const ended = once(child, 'close');
    let last = '';
    const writing = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        last = line;
        resolve();
      });
    });
    const summary = ended.then(async ([code]): Promise<WriterSummary> => {
      signal?.throwIfAborted();
      if (!last.includes('"acked"'))
        throw new Error(`the writer to ${address} ended with ${String(code)}: ${await complaints}`);
      return JSON.parse(last) as WriterSummary;
    });
    summary.catch(() => {});
    await Promise.race([writing, summary]);
    return new RunningWriter(child, summary);
  }

  /** Its next connection goes there. */
  goTo(address: string): void {
    this.#child.stdin?.write(`${address}\n`);
  }

  /** Makes it stop and read everything back. */
  async finish(): Promise<WriterSummary> {
    this.#child.stdin?.end();
    return await this.#summary;
  }
}
