/**
 * A pod's containers are restored one after the other. The first would speak to others over connections that these do
 * not have yet, and be told by a reset that there are none: so the pod's own processes do not reach each other before
 * all of them run.
 */
import { plant, undoOne } from '../journal/planted.ts';
import { run } from '../runtime/command.ts';
import { shellLineWithin, within } from '../runtime/netns.ts';
import type { TargetMigration } from './target.ts';

const table = 'podferry-hush';
const rules = `table inet ${table} {
  chain output {
    type filter hook output priority raw
    oif lo meta l4proto tcp drop
  }
}
`;
const undo = `nft destroy table inet ${table}`;

/** @param netns path of the target pod's network namespace, in which nothing runs yet */
export async function hush({ containers, paths }: TargetMigration, netns: string): Promise<void> {
  if (containers.length < 2) return;
  plant(paths, 'hush', shellLineWithin(netns, undo));
  const what = `keeping the containers in ${netns} apart`;
  await run(within(netns, 'nft', '-f', '-'), {
    reason: 'TargetPrepareFailed',
    what,
    stdin: rules,
  });
}

/** May be repeated. */
export async function unhush({ paths }: TargetMigration): Promise<void> {
  await undoOne(paths, 'hush');
}
