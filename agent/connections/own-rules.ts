/**
 * Whether a pod translates its connections itself, as one with a mesh's sidecar does: what its peers see is not what its
 * sockets have, so they cannot go along, and its own tracking is not to be touched.
 */
import { readFileSync } from 'node:fs';
import { run } from '../runtime/command.ts';
import { within } from '../runtime/netns.ts';

/** @param pid of a process in the namespace. @throws Fault FreezeFailed */
export async function translatesItself(netns: string, pid: number, signal: AbortSignal): Promise<boolean> {
  if (['ip_tables_names', 'ip6_tables_names'].some((file) => tablesIn(`/proc/${pid}/net/${file}`).includes('nat')))
    return true;
  const what = `looking for rules of the pod's own in ${netns}`;
  const ruleset = await run(within(netns, 'nft', 'list', 'ruleset'), { reason: 'FreezeFailed', what, signal });
  return /\btype nat hook\b/.test(ruleset);
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
