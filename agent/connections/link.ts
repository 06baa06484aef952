/**
 * Whether a pod is wired so that its address can move: by a link of its own to a bridge of its node. Only there can the
 * one that waits at the target be kept from being heard as long as the other one runs.
 */
import { Fault } from '../../proto/fault.ts';
import type { PodStatus } from '../runtime/runtime.ts';
import { interfaceOf, isOnBridge } from './interface.ts';

/** @throws Fault NetworkUnavailable */
export async function checkLink({ status }: { status: PodStatus }): Promise<void> {
  const { netnsPath, ip, namespace, name } = status;
  const link = netnsPath === undefined || ip === undefined ? undefined : await interfaceOf(netnsPath, ip);
  if (link !== undefined && (await isOnBridge(link))) return;
  const why = `pod ${namespace}/${name} is not on a bridge of its node, so its address cannot move along`;
  throw new Fault('NetworkUnavailable', `${why}: ask for network translate, or take --address-annotation away`);
}
