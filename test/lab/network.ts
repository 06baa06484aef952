import { run } from './command.ts';
import { address6Of, addressOf, type NodeName, type Place, podRange6Of, podRangeOf, serviceRange } from './layout.ts';

/** Pids whose network namespaces are to be wired. */
export interface Wiring {
  switch: number;
  places: ReadonlyMap<Place, number>;
}

const bridge = 'lab0';

/** One bridge in a network namespace of its own, a cable to every place, and routes to every node's pods. */
export async function connect(wiring: Wiring, signal?: AbortSignal): Promise<void> {
  const cables = [...wiring.places].flatMap(([place, pid]) => [
    `link add ${place} type veth peer name eth0 netns ${pid}`,
    `link set ${place} master ${bridge} up`,
  ]);
  await ipBatch(wiring.switch, [`link add ${bridge} type bridge`, `link set ${bridge} up`, ...cables], signal);
  await Promise.all([...wiring.places].map(([place, pid]) => ipBatch(pid, addressing(place, wiring), signal)));
}

/** `control` has no kube-proxy of its own: the first node's answers for it, in a lab that has one. */
const throughFirst = ([first = 'node-a']: readonly NodeName[]) => `via ${addressOf(first)}`;

function addressing(place: Place, wiring: Wiring): string[] {
  const others = [...wiring.places.keys()].filter((other): other is NodeName => other !== 'control' && other !== place);
  return [
    `address add ${addressOf(place)}/24 dev eth0`,
    'link set eth0 up',
    // Pods are routed, never masqueraded: what a server sees as its client is the client.
    ...others.map((node) => `route add ${podRangeOf(node)} via ${addressOf(node)}`),
    `route add ${serviceRange} ${place === 'control' ? throughFirst(others) : 'dev eth0'}`,
    // Nobody else can have it, and a second is long.
    `address add ${address6Of(place)}/64 dev eth0 nodad`,
    ...others.map((node) => `route add ${podRange6Of(node)} via ${address6Of(node)}`),
  ];
}

/** Takes a place off the network, as a pulled cable would. */
export async function unplug(switchPid: number, place: Place): Promise<void> {
  await ipBatch(switchPid, [`link set ${place} down`]);
}

export async function plugIn(switchPid: number, place: Place): Promise<void> {
  await ipBatch(switchPid, [`link set ${place} up`]);
}

async function ipBatch(pid: number, lines: readonly string[], signal?: AbortSignal): Promise<void> {
  const input = `${lines.join('\n')}\n`;
  await run(['nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-batch', '-'], { input }, signal);
}
