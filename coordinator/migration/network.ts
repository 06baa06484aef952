/** What becomes of a pod's connections: as was asked for, or the best that both nodes and the cluster can do. Pure. */
import type { NodeFacts__Output as NodeFacts } from '../../proto/gen/podferry/v1/NodeFacts.ts';
import type { Plan, Wish } from '../request.ts';

type Network = Plan['network'];
type Facts = Pick<NodeFacts, 'network_features'> | undefined;

export interface Circumstances {
  source: { node: string; facts: Facts };
  target: { node: string; facts: Facts };
  /** Why the target cannot have the source's address; undefined: it can. */
  addressStays: string | undefined;
}

export type Choice = Pick<Plan, 'network' | 'network_reason'>;

/** @returns why it cannot be done, beside the best that can be done in its place */
export function chooseNetwork(
  { network, connectionLingerMs }: Pick<Wish, 'network' | 'connectionLingerMs'>,
  circumstances: Circumstances,
): Choice & { refusal?: string } {
  if (network === 'NETWORK_UNSPECIFIED') return best(connectionLingerMs, circumstances);
  const why = whyNot(network, circumstances);
  if (why === undefined) return { network, network_reason: '' };
  const refusal = `network ${network.replaceAll('_', '-')} is not possible: ${why}; leave the choice to the coordinator, or ask for close`;
  return { ...best(connectionLingerMs, circumstances), refusal };
}

/** What an agent has to list to take part, and what it can do then. */
const needed: Partial<Record<Network, readonly [feature: string, what: string]>> = {
  translate: ['translate', 'translate connections'],
  keep_address: ['keep-address', 'let an address move'],
};

/** Why a node cannot take part in what was asked for; undefined: nothing is known against it. */
export function whyNotOfNode(network: Network, facts: Facts, node: string): string | undefined {
  const [feature, what] = needed[network] ?? [];
  if (feature === undefined || facts?.network_features.includes(feature) === true) return undefined;
  return `${node} cannot ${what} (its agent does not list network feature ${feature})`;
}

function best(connectionLingerMs: number, circumstances: Circumstances): Choice {
  const whyStays = whyNot('keep_address', circumstances);
  if (whyStays === undefined) return { network: 'keep_address', network_reason: 'kept, with its address' };
  if (connectionLingerMs === 0)
    return { network: 'close', network_reason: 'closed: no connection may outlive the cut-over (connection linger 0)' };
  const why = whyNot('translate', circumstances);
  // Where nobody said that it could, its staying is no news.
  const stays = circumstances.addressStays === undefined ? `, but not its address: ${whyStays}` : '';
  return why === undefined
    ? { network: 'translate', network_reason: `kept: both nodes can translate${stays}` }
    : { network: 'close', network_reason: `closed: ${why}` };
}

function whyNot(network: Network, { source, target, addressStays }: Circumstances): string | undefined {
  if (network === 'keep_address' && addressStays !== undefined) return addressStays;
  const reasons = [source, target].map(({ node, facts }) => whyNotOfNode(network, facts, node));
  return reasons.filter((why) => why !== undefined).join('; ') || undefined;
}
