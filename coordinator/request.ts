/** From what a client asked for to what is to be done: defaults, limits, and every mistake at once. */
import { randomInt } from 'node:crypto';
import { Fault } from '../proto/fault.ts';
import type { MigrateRequest__Output } from '../proto/gen/podferry/v1/MigrateRequest.ts';
import type { Plan__Output } from '../proto/gen/podferry/v1/Plan.ts';
import { unlimitedMs } from '../proto/linger.ts';
import { mistakeIn } from './names.ts';

export type Plan = Plan__Output;

/** A request whose every field is legal. Whether it can be done is preflight's question. */
export interface Wish {
  pod: { namespace: string; name: string; uid: string };
  /** Empty: the coordinator picks. */
  targetNode: string;
  strategy: Plan['strategy'];
  transport: Plan['transport'];
  timeoutMs: number;
  freezeTimeoutMs: number;
  lingerMs: number;
  /** Unspecified: the best that is possible. */
  network: Plan['network'];
  connectionLingerMs: number;
  detach: boolean;
}

/** What takes longer than a day has no limit. */
export const longestConnectionLingerMs = 86_400_000;

const defaults = { timeoutMs: 120_000, freezeTimeoutMs: 10_000, lingerMs: 2_000, connectionLingerMs: 30_000 };
const limits = {
  timeoutMs: 3_600_000,
  freezeTimeoutMs: 600_000,
  lingerMs: 600_000,
  connectionLingerMs: longestConnectionLingerMs,
};

/** @throws Fault InvalidArgument */
export function readRequest(request: MigrateRequest__Output): Wish {
  const pod = {
    namespace: request.pod?.namespace || 'default',
    name: request.pod?.name ?? '',
    uid: request.pod?.uid ?? '',
  };
  const wish: Wish = {
    pod,
    targetNode: request.target_node,
    // One strategy so far, so that is the one that is chosen.
    strategy:
      request.strategy === 'STRATEGY_UNSPECIFIED' || request.strategy === 'auto' ? 'stop_and_copy' : request.strategy,
    transport: request.transport === 'TRANSPORT_UNSPECIFIED' ? 'stream' : request.transport,
    timeoutMs: request.timeout_ms || defaults.timeoutMs,
    freezeTimeoutMs: request.freeze_timeout_ms || defaults.freezeTimeoutMs,
    lingerMs: request.linger_ms ?? defaults.lingerMs,
    network: request.network,
    connectionLingerMs: request.connection_linger_ms ?? defaults.connectionLingerMs,
    detach: request.detach,
  };
  const mistakes = [
    mistakeIn('namespace', pod.namespace),
    mistakeIn('pod', pod.name),
    pod.uid === '' ? undefined : mistakeIn('uid', pod.uid),
    wish.targetNode === '' ? undefined : mistakeIn('node', wish.targetNode),
    // A number that the enum does not have stays a number.
    typeof wish.strategy === 'string' ? undefined : `strategy ${String(wish.strategy)} is not known`,
    typeof wish.network === 'string' ? undefined : `network ${String(wish.network)} is not known`,
    wish.transport === 'stream' || wish.transport === 'nfs'
      ? undefined
      : `transport ${wish.transport} is not known, or not of a migration`,
    tooLong('timeout', wish.timeoutMs, limits.timeoutMs),
    tooLong('freeze timeout', wish.freezeTimeoutMs, limits.freezeTimeoutMs),
    tooLong('linger', wish.lingerMs, limits.lingerMs),
    wish.connectionLingerMs === unlimitedMs
      ? undefined
      : tooLong('connection linger', wish.connectionLingerMs, limits.connectionLingerMs),
  ].filter((mistake) => mistake !== undefined);
  if (mistakes.length > 0) throw new Fault('InvalidArgument', mistakes.join('; '));
  return wish;
}

function tooLong(what: string, ms: number, limit: number): string | undefined {
  return ms > limit ? `${what} of ${ms} ms is more than the ${limit} ms that are allowed` : undefined;
}

/** Added to all that may pass before the go, so that the wrapper is never the first to lose patience. */
const waitMarginMs = 5_000;

/**
 * @param targetPod the object that is to be made for it; null: there are none
 * @param addressAnnotation see Cluster
 */
export function makePlan(
  id: string,
  wish: Wish,
  uid: string,
  { sourceNode, targetNode, targetPod }: { sourceNode: string; targetNode: string; targetPod: Plan['target_pod'] },
  choice: Pick<Plan, 'network' | 'network_reason'>,
  addressAnnotation = '',
): Plan {
  return {
    id,
    pod: { ...wish.pod, uid },
    source_node: sourceNode,
    target_node: targetNode,
    strategy: wish.strategy,
    transport: wish.transport,
    freeze_deadline_ms: wish.freezeTimeoutMs,
    wait_deadline_ms: wish.timeoutMs + wish.freezeTimeoutMs + waitMarginMs,
    linger_ms: wish.lingerMs,
    target_pod: targetPod,
    network: choice.network,
    network_reason: choice.network_reason,
    address_annotation: addressAnnotation,
    connection_linger_ms: wish.connectionLingerMs,
    checkpoint: null,
  };
}

/** Whether the target is to have the source's name: so the source's object has to go before the target's comes. */
export function isNamesake({ pod, target_pod }: Plan): boolean {
  return target_pod !== null && target_pod.name === pod?.name;
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Short enough to be read aloud, and random: it names files on two nodes and is never used twice. */
export function newId(kind: 'mig' | 'cpy' = 'mig'): string {
  return `${kind}-${Array.from({ length: 8 }, () => alphabet[randomInt(alphabet.length)]).join('')}`;
}
