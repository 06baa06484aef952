/** What becomes of objects, one change after the other, for whoever reads them as they come. */
import type { KubeConfig } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import type { Resource } from '../../resource/objects.ts';
import { type Source, watchObjects } from '../../resource/watch.ts';

export interface Change<T> {
  object: T;
  /** As it was last seen: it is not there any more. */
  gone: boolean;
}

/** All there are, then every change. Ends at the signal. @throws what the first failure is translated to */
export async function* changes<T extends Resource>(
  config: KubeConfig,
  source: Source<T>,
  translate: (fault: Fault) => Error,
  signal: AbortSignal,
): AsyncGenerator<Change<T>> {
  const known = new Map<string, T>();
  const waiting: Change<T>[] = [];
  let failure: Error | undefined;
  let wake = () => {};
  const tell = (change: Change<T>) => {
    if (change.gone) known.delete(change.object.metadata.uid);
    else known.set(change.object.metadata.uid, change.object);
    waiting.push(change);
    wake();
  };
  const fail = (error: Error) => {
    failure ??= error;
    wake();
  };
  const listener = {
    listed(objects: readonly T[]) {
      const there = new Set(objects.map(({ metadata }) => metadata.uid));
      for (const [uid, object] of known) if (!there.has(uid)) tell({ object, gone: true });
      for (const object of objects) tell({ object, gone: false });
    },
    seen: (object: T) => tell({ object, gone: false }),
    gone: (object: T) => tell({ object, gone: true }),
  };
  const log = {
    info: () => {},
    warn: (facts: { reason?: string }, message?: string) =>
      fail(translate(new Fault((facts.reason ?? 'Internal') as Fault['reason'], message ?? 'the watch failed'))),
    error: (facts: { err?: unknown }) => fail(Fault.from(facts.err, 'Internal')),
  };
  const left = new AbortController();
  const ends = AbortSignal.any([signal, left.signal]);
  ends.addEventListener('abort', () => wake(), { once: true });
  const watching = watchObjects(config, source, listener, log, ends);
  try {
    while (!ends.aborted) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else if (failure !== undefined) throw failure;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    left.abort();
    await watching.catch(() => {});
  }
}
