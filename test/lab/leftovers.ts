/** What a migration must not leave on the nodes of a cluster. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from './lab.ts';
import type { NodeName } from './layout.ts';

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

async function leftOn(lab: Lab, node: NodeName): Promise<string[]> {
  const found = (await lab.run(node, ['sh', '-c', inside])).trim().split('\n').filter(Boolean);
  const sides = (['source', 'target'] as const).flatMap((side) => {
    try {
      return readdirSync(join(lab.node(node).root, 'run/podferry', side)).map((id) => `journal ${side} ${id}`);
    } catch {
      return [];
    }
  });
  return [...found, ...sides].map((each) => `${node}: ${each}`);
}

/** Given a moment: what was ended takes one to be gone. */
export async function leftoversOf(lab: Lab, withinMs = 15_000): Promise<string[]> {
  const until = performance.now() + withinMs;
  for (;;) {
    const found = (await Promise.all(lab.nodeNames.map(async (node) => await leftOn(lab, node)))).flat();
    if (found.length === 0 || performance.now() > until) return found;
    await sleep(200);
  }
}
