/** The device by which a pod is reached. */
import { Fault } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';
import { nodeNetns, within } from '../runtime/netns.ts';

export interface Interface {
  name: string;
  mac: string;
  /** Index of its other end, in another namespace; undefined: it has none. */
  peer?: number | undefined;
}

interface Link {
  ifname: string;
  ifindex: number;
  address?: string;
  link_index?: number;
  master?: string;
  linkinfo?: { info_slave_kind?: string };
  addr_info?: { local?: string }[];
}

/**
 * @param netns path of the pod's network namespace
 * @throws Fault FreezeFailed
 */
export async function interfaceOf(netns: string, address: string): Promise<Interface> {
  const what = `looking for the interface that has ${address} in ${netns}`;
  const links = await linksIn(netns, what, 'address', 'show');
  const link = links.find(({ addr_info }) => addr_info?.some(({ local }) => local === address));
  if (link?.address !== undefined) return { name: link.ifname, mac: link.address, peer: link.link_index };
  throw new Fault('FreezeFailed', `${what}: there is none`);
}

/** Whether the other end of a pod's interface is a port of a bridge of this node. */
export async function isOnBridge({ peer }: Interface): Promise<boolean> {
  if (peer === undefined) return false;
  const links = await linksIn(nodeNetns, "looking at the node's links", '-details', 'link', 'show');
  return links.some(({ ifindex, linkinfo }) => ifindex === peer && linkinfo?.info_slave_kind === 'bridge');
}

async function linksIn(netns: string, what: string, ...words: string[]): Promise<Link[]> {
  return JSON.parse(await run(within(netns, 'ip', '-json', ...words), { reason: 'FreezeFailed', what })) as Link[];
}
