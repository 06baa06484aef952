/** What a migration must not leave on the nodes of a cluster. */
import { readdirSync } from 'node:fs';
import { expect } from 'vitest';
import type { Lab, NodeName } from '../lab/index.ts';
import { journals } from '../integration/attempt.ts';

const inside = `
ls /run/podferry/restored 2>/dev/null | sed 's/^/restored /'
ls /run/podferry/held 2>/dev/null | sed 's/^/held /'
grep -o '/run/podferry/[^ ]*' /proc/1/mountinfo | sed 's/^/mount /'
pgrep -x -l 'criu|podferry-runc' | cut -d' ' -f2 | sed 's/^/process /'
cat /sys/kernel/rcu_expedited | grep -v '^0$' | sed 's/^/rcu_expedited /'
for netns in /run/netns/*; do
  [ -e "$netns" ] || continue
  nsenter --net="$netns" nft list tables | sed 's/^/rule of a pod: /'
done
true
`;

async function of(lab: Lab, node: NodeName): Promise<string[]> {
  const found = (await lab.run(node, ['sh', '-c', inside])).trim().split('\n').filter(Boolean);
  const sides = (['source', 'target'] as const).flatMap((side) => {
    try {
      return readdirSync(journals(lab, node, side)).map((id) => `journal ${side} ${id}`);
    } catch {
      return [];
    }
  });
  return [...found, ...sides].map((each) => `${node}: ${each}`);
}

/** Given a moment: what was ended takes one to be gone. */
export async function expectNothingLeft(lab: Lab): Promise<void> {
  const look = async () => (await Promise.all(lab.nodeNames.map(async (node) => await of(lab, node)))).flat();
  await expect.poll(look, { timeout: 15_000, interval: 200 }).toEqual([]);
}
