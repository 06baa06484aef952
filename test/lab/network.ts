import { run } from './command.ts';
import {
  address6Of,
  addressOf,
  flatAddress6Of,
  flatAddressOf,
  flatBridge,
  type NodeName,
  nodeNames,
  type Place,
  podRange6Of,
  podRangeOf,
  serviceRange,
} from './layout.ts';

/** Pids whose network namespaces are to be wired. */
export interface Wiring {
  switch: number;
  places: ReadonlyMap<Place, number>;
  /** Whether all pods are on one link, instead of one to a node. */
  flat: boolean;
}

const bridge = 'lab0';
const podBridge = 'pods0';
/** Of a place, at either end. */
const podCable = (place: Place) => `pods-${place}`;
const podLink = 'pods0';

/** One bridge in a network namespace of its own, a cable to every place, and routes to every node's pods. */
export async function connect(wiring: Wiring, signal?: AbortSignal): Promise<void> {
  const cables = [...wiring.places].flatMap(([place, pid]) => [
    `link add ${place} type veth peer name eth0 netns ${pid}`,
    `link set ${place} master ${bridge} up`,
  ]);
  const flat = wiring.flat ? flatCables(wiring) : [];
  await ipBatch(wiring.switch, [`link add ${bridge} type bridge`, `link set ${bridge} up`, ...cables, ...flat], signal);
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
    ...(wiring.flat ? [] : others.map((node) => `route add ${podRangeOf(node)} via ${addressOf(node)}`)),
    `route add ${serviceRange} ${place === 'control' ? throughFirst(others) : 'dev eth0'}`,
    // Nobody else can have it, and a second is long.
    `address add ${address6Of(place)}/64 dev eth0 nodad`,
    ...(wiring.flat
      ? onPodLink(place)
      : others.map((node) => `route add ${podRange6Of(node)} via ${address6Of(node)}`)),
  ];
}

function flatCables({ places }: Wiring): string[] {
  const cables = [...places].flatMap(([place, pid]) => [
    `link add ${podCable(place)} type veth peer name ${podLink} netns ${pid}`,
    `link set ${podCable(place)} master ${podBridge} up`,
  ]);
  return [`link add ${podBridge} type bridge`, `link set ${podBridge} up`, ...cables];
}

/** A node's own bridge is a part of it; by the node's address there its pods reach what is not on their link. */
function onPodLink(place: Place): string[] {
  const addressed = (link: string) => [
    `address add ${flatAddressOf(place)}/16 dev ${link}`,
    `address add ${flatAddress6Of(place)}/64 dev ${link} nodad`,
  ];
  if (place === 'control') return [`link set ${podLink} up`, ...addressed(podLink)];
  return [
    // With an address of its own: else it would take one of its ports', and another one whenever pods come or go.
    `link add ${flatBridge} address 02:00:00:00:88:${String(11 + nodeNames.indexOf(place))} type bridge`,
    `link set ${podLink} master ${flatBridge} up`,
    `link set ${flatBridge} up`,
    ...addressed(flatBridge),
  ];
}

/** Takes a place off the network, as a pulled cable would. */
export async function unplug(switchPid: number, place: Place, flat = false): Promise<void> {
  await ipBatch(
    switchPid,
    cablesOf(place, flat).map((cable) => `link set ${cable} down`),
  );
}

export async function plugIn(switchPid: number, place: Place, flat = false): Promise<void> {
  await ipBatch(
    switchPid,
    cablesOf(place, flat).map((cable) => `link set ${cable} up`),
  );
}

function cablesOf(place: Place, flat: boolean): string[] {
  return flat ? [place, podCable(place)] : [place];
}

async function ipBatch(pid: number, lines: readonly string[], signal?: AbortSignal): Promise<void> {
  const input = `${lines.join('\n')}\n`;
  await run(['nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-batch', '-'], { input }, signal);
}
