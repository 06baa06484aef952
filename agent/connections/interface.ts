/** The device by which a pod is reached. */
import { Fault } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';
import { within } from '../runtime/netns.ts';

export interface Interface {
  name: string;
  mac: string;
}

interface Link {
  ifname: string;
  address?: string;
  addr_info?: { local?: string }[];
}

/**
 * @param netns path of the pod's network namespace
 * @throws Fault FreezeFailed
 */
export async function interfaceOf(netns: string, address: string): Promise<Interface> {
  const what = `looking for the interface that has ${address} in ${netns}`;
  const json = await run(within(netns, 'ip', '-json', 'address', 'show'), {
    reason: 'FreezeFailed',
    what,
  });
  const links = JSON.parse(json) as Link[];
  const link = links.find(({ addr_info }) => addr_info?.some(({ local }) => local === address));
  if (link?.address !== undefined) return { name: link.ifname, mac: link.address };
  throw new Fault('FreezeFailed', `${what}: there is none`);
}
