/** Takes away what agents leave on a node while it runs: nothing of it would outlive a reboot. */
import { lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from './node.ts';

const cgroups = '/sys/fs/cgroup';
/** What outlives an agent's container is in there; see ../runtime/node.ts. */
const ours = 'podferry';

/** Only where no migration is under way. What cannot be removed is said and left. */
export function clear(node: Node, stateDir: string, say: (line: string) => void): void {
  const hierarchies = [cgroups, ...node.list(cgroups).map((name) => join(cgroups, name))];
  const directories = new Set(hierarchies.map((path) => node.at(join(path, ours))).filter(isDirectory));
  attempt(say, stateDir, () => {
    if (!isDirectory(node.at(stateDir))) return;
    rmSync(node.at(stateDir), { recursive: true });
    say(`removes ${stateDir}: what the agent has kept; nothing of it is under way`);
  });
  for (const directory of directories) attempt(say, directory, () => removeCgroup(directory));
  if (directories.size > 0) say(`removes cgroup ${ours}: where a freeze is watched when its agent ends`);
}

/** The files of a cgroup are the kernel's: only its directories can be removed, the lowest first. */
function removeCgroup(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(directory, entry.name));
  }
  rmdirSync(directory);
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function attempt(say: (line: string) => void, path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    say(`${path} stays: ${(error as Error).message}`);
  }
}
