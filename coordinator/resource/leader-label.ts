/**
 * Clients find the coordinator that leads by a Service, and that by a label: whoever leads has it, and takes it from
 * everybody else, since one that lost its lead without a word cannot. One that starts takes it from itself: its pod
 * outlives it, and may have it from before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { apiFault, ifThere, type Kubernetes, mergePatch, bounded } from '../cluster/kubernetes/client.ts';

const label = 'podferry.dev/leads';
const coordinators = 'app.kubernetes.io/name=podferry,app.kubernetes.io/component=coordinator';

/** Milliseconds. */
export interface Tries {
  pauseMs: number;
  /** Of the last one, when this process ends. */
  lastMs: number;
}

const usualTries: Tries = { pauseMs: 1_000, lastMs: 3_000 };

export class LeaderLabel {
  readonly #core: Kubernetes['core'];
  readonly #namespace: string;
  readonly #pod: string;
  readonly #log: Logger;
  readonly #tries: Tries;
  readonly #ends = new AbortController();
  /** Counts up with what is to be done. */
  #turn = 0;
  #running: Promise<void> = Promise.resolve();

  /** @param pod that this process runs in */
  constructor(
    { core }: Pick<Kubernetes, 'core'>,
    { namespace, pod }: { namespace: string; pod: string },
    log: Logger,
    tries: Tries = usualTries,
  ) {
    this.#core = core;
    this.#namespace = namespace;
    this.#pod = pod;
    this.#log = log.child({ pod: `${namespace}/${pod}`, label });
    this.#tries = tries;
  }

  /** It does not lead yet. */
  start(): void {
    this.#insist('taking the label of the leader from this pod', async (signal) => await this.#take(this.#pod, signal));
  }

  lead(): void {
    this.#insist('labelling this pod as the leader', async (signal) => {
      const body = { metadata: { labels: { [label]: 'true' } } };
      await this.#core.patchNamespacedPod({ namespace: this.#namespace, name: this.#pod, body }, mergePatch(signal));
      for (const name of await this.#others(signal)) {
        await this.#take(name, signal);
        this.#log.info({ from: name }, 'took the label from a coordinator that does not lead any more');
      }
      this.#log.info('this pod is labelled as the leader: the Service sends clients here');
    });
  }

  /** Once, and not for long: whoever leads next does it, too. */
  async close(): Promise<void> {
    this.#ends.abort(new Error('the coordinator is shutting down'));
    await this.#running;
    await this.#take(this.#pod, AbortSignal.timeout(this.#tries.lastMs)).catch((error: unknown) => {
      this.#log.warn(apiFault(error, 'the label of the leader stays until the next one leads').message);
    });
  }

  /** Again and again until it is done, or something else is to be done. */
  #insist(what: string, act: (signal: AbortSignal) => Promise<void>): void {
    this.#turn += 1;
    const turn = this.#turn;
    const before = this.#running;
    const { signal } = this.#ends;
    const tryAgain = async () => {
      // Not aborted: a change that is on its way might arrive after the one that follows.
      await before;
      for (let failures = 0; turn === this.#turn && !signal.aborted; failures += 1) {
        try {
          return await act(signal);
        } catch (error) {
          if (signal.aborted) return;
          if (failures === 0) this.#log.warn(`${apiFault(error, what).message}; it is tried again`);
          await sleep(this.#tries.pauseMs, undefined, { signal }).catch(() => {});
        }
      }
    };
    this.#running = tryAgain();
  }

  async #others(signal: AbortSignal): Promise<string[]> {
    const asked = { namespace: this.#namespace, labelSelector: `${coordinators},${label}` };
    const { items } = await this.#core.listNamespacedPod(asked, bounded(signal));
    return items.map(({ metadata }) => metadata?.name ?? '').filter((name) => name !== this.#pod);
  }

  async #take(name: string, signal: AbortSignal): Promise<void> {
    const body = { metadata: { labels: { [label]: null } } };
    await ifThere(this.#core.patchNamespacedPod({ namespace: this.#namespace, name, body }, mergePatch(signal)));
  }
}
