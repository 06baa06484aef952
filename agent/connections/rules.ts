/**
 * What is set in the source pod's own network namespace, as nftables rulesets. Pure. In the order of a migration: hold
 * what is new, hold all, keep, pass on, end. Every rule names the pod's address; nothing else goes through here.
 */
import type { Connection, Kept, Move } from './connection.ts';
import { familyOf, lowestKeptPort } from './keep.ts';
import type { Socket } from './sockets.ts';

export const table = 'podferry';
/** The tap device of plug.pl. */
export const plugDevice = 'podferry0';
/** Of what nudge.pl sends. */
export const nudgeMark = 0x70_6f_64;

/** Connections that may wait for their beginning; whoever comes then is refused, or it would wait for nothing. */
export const mostNew = 4_096;
/** Packets that may wait; what comes then is lost, and sent again by its sender. At most 1.5 kB each. */
export const mostPackets = 8_192;

const first = 'tcp flags & (fin | syn | rst | ack) == syn';
const newPorts = `1024-${lowestKeptPort - 1}`;

interface Types {
  address: 'ipv4_addr' | 'ipv6_addr';
  /** Where nft's syntax wants to be told whether it translates a port, too. */
  withPort: string;
}

const types: Record<Move['family'], Types> = {
  ip: { address: 'ipv4_addr', withPort: 'ip addr . port' },
  ip6: { address: 'ipv6_addr', withPort: 'ip6 addr . port' },
};

/**
 * Before anything else: nothing that the pod has open is tracked. The first rule that needs tracking switches it on while
 * the rest of its transaction is not in force yet, and a track without a translation would keep a connection from being
 * translated later.
 */
export function stayUntracked(moves: readonly Move[]): string {
  return moves
    .map(
      ({ family, from }) => `table ${family} ${table} {
  chain raw {
    type filter hook prerouting priority raw
    ${family} daddr ${from} tcp flags & (fin | syn | rst | ack) != syn notrack
  }
  chain untracked {
    type filter hook output priority raw
    oif != lo meta l4proto tcp notrack
  }
}
`,
    )
    .join('');
}

/**
 * From here on who connects anew waits for the target, and so do datagrams: one that the pod has in a queue when it is
 * frozen is lost. What is open goes on.
 */
export function holdNew(interfaceName: string, moves: readonly Move[]): string {
  const sets = moves.map(
    ({ family }) =>
      `  set new-${family} { type ${types[family].address} . inet_service; size ${mostNew}; flags dynamic; }`,
  );
  const rules = moves.flatMap(({ family, from, to }) => [
    `    ${family} saddr ${to} accept`,
    `    ${family} daddr ${from} ${first} add @new-${family} { ${family} saddr . tcp sport } fwd to "${plugDevice}"`,
    `    ${family} daddr ${from} ${first} reject with tcp reset`,
    `    ${family} daddr ${from} meta l4proto udp fwd to "${plugDevice}"`,
  ]);
  return `table netdev ${table} {
${sets.join('\n')}
  chain ingress {
    type filter hook ingress device "${interfaceName}" priority -500
${rules.join('\n')}
  }
}
`;
}

/** The rest, too: from here on the pod hears nothing. */
export function holdAll(moves: readonly Move[]): string {
  return moves
    .map(
      ({ family, from }) =>
        `add rule netdev ${table} ingress ${family} daddr ${from} meta l4proto tcp fwd to "${plugDevice}"\n`,
    )
    .join('');
}

/**
 * Where connections go. What is kept is not known yet; until it is, and the target runs, nothing passes: it is held, or
 * where nothing can be held, dropped but for first packets, which the target refuses before it runs.
 *
 * @param keeps the sockets of what is kept fall silent, because they will speak at the target. Not before they are known:
 *   what the pod still sends before it is frozen has to get to its peers, or would be sent again a second later
 */
export function redirect(moves: readonly Move[], { keeps, plugged }: { keeps: boolean; plugged: boolean }): string {
  return moves.map((move) => redirectOne(move, keeps, plugged)).join('');
}

function redirectOne({ family, from, to }: Move, keeps: boolean, plugged: boolean): string {
  const { address, withPort } = types[family];
  // A nudge is the reverse of a connection that is tracked as translated: tracked itself it would get another port.
  const nudge = `meta mark ${nudgeMark} notrack accept`;
  const silent = `
    ${family} daddr . tcp dport . tcp sport @kept drop`;
  const gap = `
  chain gap {
    type filter hook prerouting priority -500
    ${family} daddr ${from} ${family} saddr != ${to} meta l4proto tcp tcp flags & (fin | syn | rst | ack) != syn drop
  }`;
  return `table ${family} ${table} {
  map arriving { type ${address} . inet_service . inet_service : ${address} . inet_service; }
  map leaving { type ${address} . inet_service . ${address} . inet_service : ${address} . inet_service; }
  set kept { type ${address} . inet_service . inet_service; }
  set finishing { type ${address} . inet_service . inet_service; }${plugged ? '' : gap}
  chain raw {
    type filter hook prerouting priority raw
  }
  chain prerouting {
    type nat hook prerouting priority dstnat
    ${family} daddr ${from} dnat ${withPort} to ${family} saddr . tcp sport . tcp dport map @arriving
    ${family} daddr ${from} ${first} dnat to ${to}
    ${family} daddr ${from} meta l4proto udp dnat to ${to}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    snat ${withPort} to ${family} saddr . tcp sport . ${family} daddr . tcp dport map @leaving
    ct status dnat ${family} daddr ${to} meta l4proto tcp masquerade to :${newPorts}
    ct status dnat ${family} daddr ${to} masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy drop
    ct status dnat accept
  }
  chain input {
    type filter hook input priority filter
    iif lo accept
    ${family} saddr . tcp sport . tcp dport @finishing accept
    ${family} daddr ${from} meta l4proto tcp reject with tcp reset
  }
  chain output {
    type filter hook output priority raw
    oif lo accept
    ${nudge}${keeps ? silent : ''}
  }
}
`;
}

/**
 * Both directions of each kept connection, before either side speaks.
 *
 * @param finishing connections that the pod has closed; its old kernel sends what is left of them
 */
export function keepThese(kept: readonly Kept[], finishing: readonly Socket[], moves: readonly Move[]): string {
  return moves
    .map(({ family, from, to }) => {
      const here = kept.filter(({ remote }) => familyOf(remote.address) === family);
      const done = finishing.filter(({ local }) => local.address === from);
      return [
        add(`${family} ${table} arriving`, [
          ...here.map((each) => arriving(each, to)),
          ...here.map((each) => answering(each, to)),
        ]),
        add(`${family} ${table} leaving`, [
          ...here.map(({ remote, local, port }) => `${end(remote)} . ${to} . ${local.port} : ${from} . ${port}`),
          ...here.map(({ remote, local }) => `${to} . ${local.port} . ${end(remote)} : ${from} . ${local.port}`),
        ]),
        add(`${family} ${table} kept`, here.map(ends)),
        add(`${family} ${table} finishing`, done.map(ends)),
        // From here on all that comes is tracked, and translated.
        `flush chain ${family} ${table} raw\n`,
      ].join('');
    })
    .join('');
}

function arriving({ remote, local }: Kept, to: string): string {
  return `${end(remote)} . ${local.port} : ${to} . ${local.port}`;
}

function answering({ remote, local, port }: Kept, to: string): string {
  return `${to} . ${local.port} . ${port} : ${end(remote)}`;
}

function ends({ remote, local }: Connection): string {
  return `${end(remote)} . ${local.port}`;
}

function end({ address, port }: Connection['remote']): string {
  return `${address} . ${port}`;
}

function add(where: string, elements: readonly string[]): string {
  return elements.length === 0 ? '' : `add element ${where} { ${elements.join(', ')} }\n`;
}

/** The target runs, and the plug lets go what it has held: only first packets take their turn there, with those that wait. */
export function holdFirst(moves: readonly Move[]): string {
  const rules = moves.flatMap(({ family, from, to }) => [
    `${family} saddr ${to} accept`,
    `${family} daddr ${from} ${first} fwd to "${plugDevice}"`,
  ]);
  const ingress = `netdev ${table} ingress`;
  return `flush chain ${ingress}\n${rules.map((rule) => `add rule ${ingress} ${rule}\n`).join('')}`;
}

/** The target runs: what was dropped until now goes there. (What was held goes by itself.) */
export function passOn(moves: readonly Move[]): string {
  return moves.map(({ family }) => `flush chain ${family} ${table} gap\n`).join('');
}

/**
 * Nothing is translated any more, and whoever still speaks is told that it is over: without a track of them all packets
 * end here.
 */
export function endAll(moves: readonly Move[]): string {
  return moves
    .map(
      ({ family, from }) => `flush set ${family} ${table} kept
flush map ${family} ${table} arriving
flush map ${family} ${table} leaving
flush chain ${family} ${table} prerouting
add rule ${family} ${table} raw ${family} daddr ${from} meta l4proto tcp notrack
`,
    )
    .join('');
}

/** Of a pod that goes on where it is; `destroy` does not mind what is not there. */
export const unredirect = `nft destroy table ip ${table}; nft destroy table ip6 ${table}`;
export const unplug = `nft destroy table netdev ${table}`;
