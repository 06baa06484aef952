/**
 * Whether a pod translates its connections itself, as one with a mesh's sidecar does: what its peers see is not what its
 * sockets have, so they cannot go along, and its own tracking is not to be touched.
 */
import { readFileSync } from 'node:fs';
import { Fault } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';
import { within } from '../runtime/netns.ts';

/**
 * @param pid of a process in the namespace
 * @throws Fault NetworkUnavailable
 */
export async function checkOwnRules(netns: string, pid: number, signal: AbortSignal): Promise<void> {
  const what = `looking for rules of the pod's own in ${netns}`;
  const ruleset = await run(within(netns, 'nft', 'list', 'ruleset'), { reason: 'NetworkUnavailable', what, signal });
  const old = ['ip_tables_names', 'ip6_tables_names'].flatMap((file) => tablesIn(`/proc/${pid}/net/${file}`));
  if (!old.includes('nat') && !/\btype nat hook\b/.test(ruleset)) return;
  const why = 'the pod translates its connections itself (a mesh, or rules of its own), so they cannot be kept';
  throw new Fault('NetworkUnavailable', `${why}: ask for network close`);
}

/** Of the older iptables; nft shows those of the newer. */
function tablesIn(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').trim().split('\n');
  } catch {
    // A kernel without them.
    return [];
  }
}
