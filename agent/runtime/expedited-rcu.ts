/**
 * Taking namespaces and mounts apart waits for RCU grace periods; the kernel can hurry them at the cost of interrupts
 * on all processors. On only while something of ours is frozen, and counted, because migrations overlap.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { plant, uproot } from '../journal/planted.ts';
import type { SidePaths } from '../paths.ts';

const file = '/sys/kernel/rcu_expedited';
const holders = new Set<string>();
let left = false;

/** The node's kernel is not to be touched: its real-time work suffers from the interrupts. Said once, at the start. */
export function leaveRcu(): void {
  left = true;
}

/** Does nothing where the kernel has no such switch, or it is on anyway. */
export function expediteRcu(side: SidePaths): void {
  if (left) return;
  try {
    if (holders.size === 0 && readFileSync(file, 'utf8').trim() !== '0') return;
    plant(side, 'expedited-rcu', `echo 0 >${file}`);
    writeFileSync(file, '1');
    holders.add(side.directory);
  } catch {
    uproot(side, 'expedited-rcu');
  }
}

export function calmRcu(side: SidePaths): void {
  if (!holders.delete(side.directory)) return;
  try {
    if (holders.size === 0) writeFileSync(file, '0');
  } finally {
    uproot(side, 'expedited-rcu');
  }
}
