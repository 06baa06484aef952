/**
 * Agents are the pods that a selector means, one a node: they come and go with their nodes, and each roll-out gives them
 * other addresses. As long as the API server is away they are where they were last.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { bounded, ifThere, type Kubernetes } from '../cluster/kubernetes/client.ts';
import { watchObjects } from '../resource/watch.ts';
import type { Agents } from './agents.ts';
import { type AgentPod, whereaboutsOf } from './whereabouts.ts';

export interface Wanted {
  namespace: string;
  selector: string;
  port: number;
}

/** How long a node that has just lost its agent's pod may look as if it had never had one, after a start. */
const comingMs = 120_000;
/** Between two looks whether nodes without an agent's pod are there at all. */
const forgetIntervalMs = 30_000;

export class Discovery {
  readonly #kubernetes: Pick<Kubernetes, 'config' | 'core'>;
  readonly #wanted: Wanted;
  readonly #agents: Agents;
  readonly #log: Logger;
  readonly #forgetIntervalMs: number;
  /** By their UID. */
  readonly #pods = new Map<string, AgentPod>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    kubernetes: Pick<Kubernetes, 'config' | 'core'>,
    wanted: Wanted,
    agents: Agents,
    log: Logger,
    intervalMs = forgetIntervalMs,
  ) {
    this.#kubernetes = kubernetes;
    this.#wanted = wanted;
    this.#agents = agents;
    this.#log = log.child({ namespace: wanted.namespace, selector: wanted.selector });
    this.#forgetIntervalMs = intervalMs;
  }

  /**
   * Resolves when all that there are have been found, however long the API server is away; none of them has been asked
   * by then. Those that come later, or elsewhere, are asked at once.
   * @param busy nodes whose agent somebody needs, which are remembered
   */
  async start(busy: (node: string) => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const first = Promise.withResolvers<void>();
    const { namespace, selector } = this.#wanted;
    const { config, core } = this.#kubernetes;
    const source = {
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: { labelSelector: selector },
      list: async (ends: AbortSignal) => {
        const list = await core.listNamespacedPod({ namespace, labelSelector: selector }, bounded(ends));
        return { items: list.items as AgentPod[], resourceVersion: list.metadata?.resourceVersion ?? '' };
      },
    };
    let listedBefore = false;
    const listener = {
      listed: (pods: readonly AgentPod[]) => {
        this.#listed(pods, listedBefore ? signal : undefined);
        listedBefore = true;
        first.resolve();
      },
      seen: (pod: AgentPod) => {
        this.#pods.set(pod.metadata.uid, pod);
        this.#place(nodeOf(pod), signal);
      },
      gone: (pod: AgentPod) => {
        this.#pods.delete(pod.metadata.uid);
        this.#place(nodeOf(pod), signal);
      },
    };
    this.#running = Promise.all([
      watchObjects(config, source, listener, this.#log, signal),
      this.#forget(busy, signal),
    ]);
    const leave = () => first.reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    await first.promise.finally(() => signal.removeEventListener('abort', leave));
  }

  /** Resolves after the signal, when nothing is asked any more. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** @param signal undefined: who comes is not asked yet */
  #listed(pods: readonly AgentPod[], signal: AbortSignal | undefined): void {
    if (signal === undefined) this.#agents.expectMore(comingMs);
    if (pods.length === 0)
      this.#log.warn('there is no pod of an agent: does --agent-selector mean them, and --namespace where they are?');
    this.#pods.clear();
    for (const pod of pods) this.#pods.set(pod.metadata.uid, pod);
    const known = this.#agents.all.map(({ node }) => node);
    for (const node of new Set([...pods.map(nodeOf), ...known].sort())) this.#place(node, signal);
  }

  #place(node: string, signal: AbortSignal | undefined): void {
    // Nobody has decided yet where it is to be.
    if (node === '') return;
    const place = whereaboutsOf(this.#podsOn(node), this.#wanted.port);
    if (!this.#agents.place(node, place) || signal === undefined) return;
    this.#agents.look(node, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#log.error({ node, err: error }, 'an agent could not be asked');
    });
  }

  #podsOn(node: string): AgentPod[] {
    return [...this.#pods.values()].filter((pod) => nodeOf(pod) === node);
  }

  /** Nodes that have left the cluster, with their agents. */
  async #forget(busy: (node: string) => boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#forgetIntervalMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      for (const { node } of this.#agents.all.filter((agent) => this.#podsOn(agent.node).length === 0)) {
        // While the API server is away nothing is known of anybody.
        const isThere = await this.#isNode(node, signal).catch(() => true);
        if (!isThere && !busy(node) && this.#podsOn(node).length === 0) this.#agents.forget(node);
      }
    }
  }

  async #isNode(name: string, signal: AbortSignal): Promise<boolean> {
    return (await ifThere(this.#kubernetes.core.readNode({ name }, bounded(signal)))) !== undefined;
  }
}

function nodeOf({ spec }: AgentPod): string {
  return spec?.nodeName ?? '';
}
