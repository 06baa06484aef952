/** Says what install would do, and what is against it. Changes nothing. */
import { describe } from './describe.ts';
import { look } from './install.ts';
import type { Node } from './node.ts';
import type { Settings } from './settings.ts';

export type Verdict = 'installed' | 'not-yet' | 'refused';

export async function check(node: Node, settings: Settings, say: (line: string) => void): Promise<Verdict> {
  const { against, changes, needsRestart } = await look(node, settings);
  for (const why of against) say(`against it: ${why}`);
  for (const change of changes) say(`would: ${describe(change)}`);
  if (needsRestart) say('would: restart containerd, which has no such handler loaded');
  if (against.length > 0) return 'refused';
  if (changes.length > 0 || needsRestart) return 'not-yet';
  say('nothing to do');
  return 'installed';
}
