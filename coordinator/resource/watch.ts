/**
 * All objects of a kind: a list, then every change. Not client-node's informer, which stops at the first error that is
 * no 410, and leaves whoever uses it to find out. Its Watch does the connection here: it ends one that has gone silent,
 * and it swallows what a listener throws, so that a listener's mistakes are caught and told here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type KubeConfig, Watch } from '@kubernetes/client-node';
import { apiFault, statusOf } from '../cluster/kubernetes/client.ts';

/** A Logger is one; whoever has none says something of their own. */
export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface Watched {
  metadata: { resourceVersion: string };
}

export interface Source<T extends Watched> {
  path: string;
  /** Which of them, in the words of the API server; `list` has to ask for the same ones. */
  query?: Record<string, string>;
  list: (signal: AbortSignal) => Promise<{ items: T[]; resourceVersion: string }>;
}

export interface Listener<T extends Watched> {
  /** All that there are: at the start, and again when changes were missed. Others are gone. */
  listed(objects: readonly T[]): void;
  seen(object: T): void;
  gone(object: T): void;
}

/** Milliseconds. */
export interface Pace {
  firstPauseMs: number;
  longestPauseMs: number;
}

const usualPace: Pace = { firstPauseMs: 250, longestPauseMs: 5_000 };

/**
 * The server ends a watch after so long, and shortly before that it says how far it is (a bookmark). Less than the 30 s
 * of silence after which client-node takes it for dead.
 */
const watchSeconds = 20;

/** Ends only at the signal. */
export async function watchObjects<T extends Watched>(
  config: KubeConfig,
  source: Source<T>,
  listener: Listener<T>,
  log: Log,
  signal: AbortSignal,
  pace: Pace = usualPace,
): Promise<void> {
  const position: Position = { version: undefined };
  let failures = 0;
  const opened = () => {
    if (failures > 0) log.info({ path: source.path }, 'the API server answers again');
    failures = 0;
  };
  while (!signal.aborted) {
    const began = performance.now();
    try {
      if (position.version === undefined) {
        const list = await source.list(signal);
        listener.listed(list.items);
        position.version = list.resourceVersion;
      }
      await follow(
        config,
        source,
        position,
        { seen: (object: T) => listener.seen(object), gone: (object: T) => listener.gone(object), opened },
        log,
        signal,
      );
      // Somebody between us and it who ends every watch at once must not have us ask for ever.
      if (performance.now() - began < pace.firstPauseMs) await pause(pace.firstPauseMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      if (error instanceof Outdated) position.version = undefined;
      else if (failures === 1) warn(log, source.path, error);
      await pause(Math.min(pace.firstPauseMs * 2 ** (failures - 1), pace.longestPauseMs), signal);
    }
  }
}

function warn(log: Log, path: string, error: unknown): void {
  const { reason, message } = apiFault(error, `watching ${path}`);
  const hint =
    statusOf(error) === 404 && path.startsWith('/apis/podferry.dev/')
      ? ': are charts/podferry/files/crds applied?'
      : '';
  log.warn({ path, reason }, `${message}${hint}`);
}

/** The server has forgotten what came after the version that we know. */
class Outdated extends Error {}

/** Up to where all has been seen. */
interface Position {
  version: string | undefined;
}

/** One connection, from a position on, which it moves. */
async function follow<T extends Watched>(
  config: KubeConfig,
  { path, query: which }: Pick<Source<T>, 'path' | 'query'>,
  position: Position,
  listener: Pick<Listener<T>, 'seen' | 'gone'> & { opened: () => void },
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const ended = Promise.withResolvers<void>();
  let failed = false;
  const hear = (type: string, object: T) => {
    if (signal.aborted) return;
    if (type === 'ERROR') {
      const { code, message } = object as unknown as { code?: number; message?: string };
      ended.reject(code === 410 ? new Outdated(message) : new Error(message ?? 'the watch failed'));
      return;
    }
    position.version = object.metadata.resourceVersion;
    try {
      if (type === 'DELETED') listener.gone(object);
      else if (type !== 'BOOKMARK') listener.seen(object);
    } catch (error) {
      log.error({ err: error, path }, 'a change was not understood');
    }
  };
  const query = {
    ...which,
    resourceVersion: position.version,
    allowWatchBookmarks: true,
    timeoutSeconds: watchSeconds,
  };
  const open = new Watch(config).watch(path, query, hear, (error: unknown) => {
    // Silence is no loss: all that had come was seen.
    if (error === null || error === undefined || (error as Error).name === 'TimeoutError') ended.resolve();
    else {
      failed = true;
      ended.reject(asKnown(error));
    }
  });
  // It resolves when the answer has begun, also when that was a refusal.
  open.then(() => failed || listener.opened()).catch(ended.reject);
  const leave = () => ended.reject(signal.reason as Error);
  signal.addEventListener('abort', leave, { once: true });
  try {
    await ended.promise;
  } finally {
    signal.removeEventListener('abort', leave);
    open.then((controller) => controller.abort()).catch(() => {});
  }
}

function asKnown(error: unknown): Error {
  if ((error as { statusCode?: number }).statusCode === 410) return new Outdated();
  return error instanceof Error ? error : new Error(String(error));
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
