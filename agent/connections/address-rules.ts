/**
 * What is set, as nftables rulesets, while two pods have one address: the one that leaves and the one that it becomes.
 * Pure. At the source all of it lies in the pod's own network namespace; what silences the target lies in its node's,
 * because it has to be there before the pod is: network plugins announce whom they give an address.
 */
import type { Connection, Move } from './connection.ts';
import { canonical } from './ip.ts';
import { familyOf } from './keep.ts';
import { nudgeMark, plugDevice, table } from './rules.ts';

/** Outlives the rules that hold, which whoever ends a freeze takes away. */
const passing = `${table}-passing`;

/** Of the links that have the address. */
export interface HandOver {
  /** At the source, in the pod. */
  device: string;
  mac: string;
  targetMac: string;
}

/** Of Ethernet, in lower case. */
export function isMac(text: string): boolean {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text);
}

/** Of a node, which may have several targets. @param migration a label */
function silenceTable(migration: string): string {
  return `podferry-${migration}`;
}

/**
 * Keeps whoever else has the pod's addresses from being heard on the bridges of this node. It replaces what it has said
 * before.
 *
 * @param mac of the pod that may speak
 * @param wholly false: nobody is told of the other one, but it can ask, and speak to whom it has found. It has to be
 *   able to by the time it runs: who asks in vain asks again a second later
 */
export function silence(
  migration: string,
  addresses: readonly string[],
  { mac, wholly }: { mac: string; wholly: boolean },
): string {
  const other = `ether saddr != ${mac}`;
  const rules = addresses.flatMap((address) => {
    if (familyOf(address) === 'ip') {
      const arp = `${other} arp saddr ip ${address}`;
      return wholly
        ? [`${arp} drop`, `${other} ip saddr ${address} drop`]
        : [`${arp} arp operation reply drop`, `${arp} arp daddr ip ${address} drop`];
    }
    const all = `${other} ip6 saddr ${address}`;
    // Whether anybody has it already: somebody has.
    const probe = `${other} ip6 saddr :: ip6 daddr ${solicitedNode(address)} icmpv6 type nd-neighbor-solicit drop`;
    return [wholly ? `${all} drop` : `${all} icmpv6 type nd-neighbor-advert drop`, probe];
  });
  return `${destroySilence(migration)}
table bridge ${silenceTable(migration)} {
  chain prerouting {
    type filter hook prerouting priority -300
    ${rules.join('\n    ')}
  }
}
`;
}

export function destroySilence(migration: string): string {
  return without(`bridge ${silenceTable(migration)}`);
}

/** Whether it is there or not; one that is made first can be deleted by every nft. */
function without(name: string): string {
  return `add table ${name}; delete table ${name}`;
}

/** Who has an address of IPv6 is asked for it there. */
function solicitedNode(address: string): string {
  const last = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':').slice(-2);
  const [high = '0', low = '0'] = last.map((group) => group || '0');
  return canonical(`ff02::1:ff${(Number.parseInt(high, 16) & 0xff).toString(16).padStart(2, '0')}:${low}`);
}

/**
 * The pod is frozen, and its sockets will speak at the target: here they say nothing any more. What is let go of the plug
 * goes there.
 *
 * @param finishing connections that the pod has closed; its old kernel sends what is left of them, and hears the answers
 */
export function leaveTo(moves: readonly Move[], handOver: HandOver, finishing: readonly Connection[]): string {
  const quiet = moves.map(({ family, from }) => {
    const done = ofAddress(finishing, from).map(({ local, remote }) => `${end(remote)} . ${local.port}`);
    return `table ${family} ${table} {
  chain output {
    type filter hook output priority raw
    oif lo accept
    meta mark ${nudgeMark} accept
    ${done.length > 0 ? `${family} daddr . tcp dport . tcp sport { ${done.join(', ')} } accept\n    ` : ''}${family} saddr ${from} meta l4proto tcp drop
  }
}
`;
  });
  const heard = answers(moves, finishing).map((rule) => `insert rule netdev ${table} ingress ${rule}\n`);
  return `${quiet.join('')}${heard.join('')}table netdev ${passing} {
  chain released {
    type filter hook ingress device "${plugDevice}" priority -500
    ${[...answers(moves, finishing), ...onward(moves, handOver)].join('\n    ')}
  }
}
`;
}

/** The target runs: all that still comes goes there, and nobody is told any more that the address is here. */
export function passOver(moves: readonly Move[], handOver: HandOver, finishing: readonly Connection[]): string {
  const asked = moves.map(({ family, from }) =>
    family === 'ip' ? `arp operation request arp daddr ip ${from} drop` : 'icmpv6 type nd-neighbor-solicit drop',
  );
  const rules = [...asked, ...answers(moves, finishing), ...onward(moves, handOver)];
  const mute = moves.map(({ family, from }) => (family === 'ip' ? `    arp saddr ip ${from} drop\n` : ''));
  const has6 = moves.some(({ family }) => family === 'ip6');
  return `${without(`netdev ${table}`)}
${without(`arp ${table}`)}
table arp ${table} {
  chain output {
    type filter hook output priority filter
${mute.join('')}  }
}
${has6 ? `add rule ip6 ${table} output icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } drop\n` : ''}table netdev ${passing} {
  chain coming {
    type filter hook ingress device "${handOver.device}" priority -500
  }
}
flush chain netdev ${passing} coming
${rules.map((rule) => `add rule netdev ${passing} coming ${rule}\n`).join('')}`;
}

function answers(moves: readonly Move[], finishing: readonly Connection[]): string[] {
  return moves.flatMap(({ family, from }) => {
    const done = ofAddress(finishing, from).map(({ local, remote }) => `${end(remote)} . ${local.port}`);
    return done.length === 0 ? [] : [`${family} saddr . tcp sport . tcp dport { ${done.join(', ')} } accept`];
  });
}

/** From link to link: as if it had been sent there. Its sender's own address would tell bridges that the sender is here. */
function onward(moves: readonly Move[], { device, mac, targetMac }: HandOver): string[] {
  return moves.map(
    ({ family, from }) =>
      `${family} daddr ${from} ether saddr set ${mac} ether daddr set ${targetMac} fwd to "${device}"`,
  );
}

function ofAddress(connections: readonly Connection[], address: string): Connection[] {
  return connections.filter(({ local }) => local.address === address);
}

function end({ address, port }: Connection['remote']): string {
  return `${address} . ${port}`;
}

/** Of a pod that goes on where it is, beside what rules.ts has for it. */
export const unleave = `nft destroy table netdev ${passing}`;
