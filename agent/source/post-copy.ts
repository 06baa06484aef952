/**
 * Post-copy: what CRIU dumps is all but the memory, which the target asks for when the pod runs there. The source stands
 * still, committed, until the target has the last page; it is never thawed for want of a target, because that has been
 * running. What becomes of a target that waits in vain stands in agent/target/lazy-pages.ts.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../proto/fault.ts';
import { certainlyGivenUpMs } from '../../proto/memory.ts';
import { bytesOf, lazyRanges, listOf } from '../images/lazy-ranges.ts';
import type { StreamTransport } from '../transfer/stream/stream.ts';
import { lostByRestart } from './copy-ahead.ts';
import { PageServer, settlePages } from './serve-pages.ts';
import type { OwedPages, SourceLive, SourceMigration } from './source.ts';

const tellEveryMs = 200;

/** @param address HOST:PORT of the target's data socket */
export function owing(address: string): OwedPages {
  return { address, secret: randomBytes(32).toString('base64url'), total: 0, state: 'owed' };
}

/** While the pod runs: the connection by which the target will ask, so that it costs no frozen time. */
export async function openPages(
  source: SourceMigration,
  parts: { transport: Pick<StreamTransport, 'dialPages'>; log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const { live, record } = source;
  const { pages } = record.details;
  if (live === undefined || pages === undefined) throw lostByRestart(source);
  // By way of the connection whose token let it in: who has this is who was prepared for.
  const channel = `${record.details.containers[0]?.name}/lazy`;
  await live.outbox.put({ channel, op: 'grant', meta: { secret: pages.secret } });
  await live.outbox.barrier('pages', signal);
  await servePages(source, parts);
}

/** Also in a later life of this agent. */
export async function servePages(
  source: SourceMigration,
  parts: { transport: Pick<StreamTransport, 'dialPages'>; log: Logger },
): Promise<void> {
  const { pages } = source.record.details;
  if (pages?.state !== 'owed' || source.pages !== undefined) return;
  const server = new PageServer(source, pages, parts);
  source.pages = server;
  source.abort.signal.addEventListener('abort', () => server.stop(), { once: true });
  await server.start();
}

/** What is missing at the target, known when the dump is complete. */
export async function sendRanges({ paths, record }: SourceMigration, { pod, outbox }: SourceLive): Promise<void> {
  for (const { name } of pod.containers) {
    const ranges = lazyRanges(paths.container(name).images);
    if (record.details.pages !== undefined) record.details.pages.total += bytesOf(ranges);
    await outbox.put({ channel: `${name}/lazy`, op: 'ranges' }, listOf(ranges));
  }
}

/** Whether somebody at the target may still ask for memory that is nowhere else. */
export function owesPages({ record: { details } }: SourceMigration): boolean {
  return details.pages?.state === 'owed';
}

/**
 * Resolves when the target does not need the source any more: it has the last page, or has given up, or must have,
 * because nobody could reach it for so long.
 */
export async function follow(
  source: SourceMigration,
  progress: (bytes: number, total: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const { plan, step, details } = source.record;
  if (step !== 'Committed' && step !== 'Released') {
    throw new Fault('ReleaseFailed', `the source is ${step}, not Committed: nothing has asked for its memory yet`);
  }
  while (owesPages(source)) {
    const { lostAt, sent } = source.pages ?? { lostAt: 0, sent: 0 };
    const { total } = details.pages ?? { total: 0 };
    progress(Math.min(sent, total), total);
    if (lostAt !== undefined && performance.now() - lostAt > certainlyGivenUpMs) {
      const why = `${plan.target_node} could not be reached for ${certainlyGivenUpMs} ms: the pod there has given up by now`;
      settlePages(source, 'lost', why);
    }
    await delay(tellEveryMs, undefined, { signal });
  }
}
