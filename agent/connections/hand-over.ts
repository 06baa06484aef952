/**
 * A pod whose address moves along: what comes while it stands still is held as for any other, but nothing of it is ever
 * translated. What is let go in the end goes on to the target as it came, from link to link, and so does all that still
 * comes to the old link until everybody knows the new one.
 */
import { Fault } from '../../proto/fault.ts';
import { plant } from '../journal/planted.ts';
import type { SidePaths } from '../paths.ts';
import { isMac, leaveTo, unleave } from './address-rules.ts';
import { interfaceOf } from './interface.ts';
import { startPlug } from './plug.ts';
import {
  backFromPlug,
  ours,
  plantSwitches,
  type Redirection,
  type RedirectPlan,
  type WaitingRedirect,
  unmoved,
  unplugging,
  untilAccepted,
  writeRedirection,
} from './redirect.ts';
import * as rules from './rules.ts';
import { isFinishing, isUnaccepted } from './sockets.ts';
import { startWithin } from './waiting.ts';

/**
 * @param targetMac of the link that has the addresses at the target
 * @throws Fault FreezeFailed when that has others than these, or nothing can be held here
 */
export async function prepareHandOver(
  paths: SidePaths,
  { netns, pid, moves, keeps, plugged, deadlineMs }: RedirectPlan,
  targetMac: string,
): Promise<WaitingRedirect> {
  const other = moves.find(({ from, to }) => from !== to);
  if (other !== undefined)
    throw new Fault('FreezeFailed', `the target was given ${other.to}, and not ${other.from}, which was to move along`);
  if (!isMac(targetMac)) throw new Fault('FreezeFailed', `${JSON.stringify(targetMac)} is no address of a link`);
  if (!plugged) throw new Fault('FreezeFailed', 'this node cannot hold packets (network feature plug)');
  const { name: device, mac } = await interfaceOf(netns, moves[0]?.from ?? '');
  const handOver = { device, mac, targetMac };
  const redirection: Redirection = { netns, moves, plugged, keeps, kept: [], lost: [], finishing: [], handOver };
  writeRedirection(paths, redirection);
  await plantSwitches(paths, redirection, { before: backFromPlug, now: backFromPlug, first: '' });
  plant(paths, 'plug', unplugging(paths, netns, `${rules.unplug}; ${unleave}`));
  await startPlug(netns, { name: device, mac }, paths.plug, deadlineMs);
  const nft = () => startWithin(netns, ['nft', '-f', '-'], 'setting what holds for the pod');
  const [first, second, third] = [nft(), nft(), nft()];
  return {
    async holdNew(signal) {
      await first.go(rules.holdNew(device, moves));
      await untilAccepted(pid, moves, signal);
    },
    async holdAll() {
      await second.go(rules.holdAll(moves));
    },
    async keep() {
      const sockets = ours(pid, moves);
      redirection.lost = sockets.filter(isUnaccepted).map(({ local, remote }) => ({ local, remote }));
      redirection.finishing = sockets.filter(isFinishing).map(({ local, remote }) => ({ local, remote }));
      writeRedirection(paths, redirection);
      await third.go(leaveTo(moves, handOver, redirection.finishing));
      // Sockets keep both their ends.
      return unmoved;
    },
    forward: () => Promise.resolve(),
    cancel() {
      for (const each of [first, second, third]) each.cancel();
    },
  };
}
