/** Events, as `kubectl describe` shows them. They are news, not state: nobody waits for them, and old ones are dropped. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CoreV1Event, CoreV1Api, V1ObjectReference } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { bounded, statusOf } from '../cluster/kubernetes/client.ts';

export type Subject = Required<Pick<V1ObjectReference, 'apiVersion' | 'kind' | 'namespace' | 'name' | 'uid'>>;

export interface News {
  type: 'Normal' | 'Warning';
  /** A phase, or a reason code. */
  reason: string;
  message: string;
}

const component = 'podferry-coordinator';
/** The API server's own limit. */
const longestMessage = 1_024;
const mostWaiting = 500;
const keepMs = 60_000;
const pauseMs = 1_000;

interface Waiting {
  event: CoreV1Event;
  /** Not before; both on performance.now(). */
  from: number;
  until: number;
}

export class Events {
  readonly #core: CoreV1Api;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #waiting: Waiting[] = [];
  #sending = false;

  constructor(core: CoreV1Api, log: Logger, signal: AbortSignal) {
    this.#core = core;
    this.#log = log;
    this.#signal = signal;
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && !this.#sending;
  }

  /** @param delayMs before it is sent; it bears the time of now */
  tell(involvedObject: Subject, { type, reason, message }: News, delayMs = 0): void {
    if (this.#waiting.length >= mostWaiting) this.#waiting.shift();
    const now = new Date();
    const event: CoreV1Event = {
      metadata: { generateName: `${involvedObject.name.slice(0, 200)}.`, namespace: involvedObject.namespace },
      involvedObject,
      type,
      reason,
      message: message.slice(0, longestMessage),
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      source: { component },
      reportingComponent: component,
      reportingInstance: hostname(),
    };
    const from = performance.now() + delayMs;
    this.#waiting.push({ event, from, until: from + keepMs });
    if (!this.#sending) void this.#send();
  }

  /** In order, one after the other. */
  async #send(): Promise<void> {
    this.#sending = true;
    for (let next = this.#waiting[0]; next !== undefined && !this.#signal.aborted; next = this.#waiting[0]) {
      const wait = next.from - performance.now();
      if (wait > 0) await sleep(wait, undefined, { signal: this.#signal }).catch(() => {});
      if (this.#signal.aborted) break;
      if (!(await this.#arrives(next)) && performance.now() < next.until) {
        await sleep(pauseMs, undefined, { signal: this.#signal }).catch(() => {});
        continue;
      }
      // It may have been dropped for newer ones meanwhile.
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
    this.#sending = false;
  }

  /** Arrived, or refused for good. */
  async #arrives({ event }: Waiting): Promise<boolean> {
    try {
      const namespace = event.metadata.namespace ?? '';
      await this.#core.createNamespacedEvent({ namespace, body: event }, bounded(this.#signal));
      return true;
    } catch (error) {
      const status = statusOf(error);
      const final = status !== undefined && status >= 400 && status < 500 && status !== 429;
      if (final) this.#log.warn({ err: error, reason: event.reason }, 'an event was refused');
      return final;
    }
  }
}
