/** What there is of a pod at the node that it has left, while connections go by way of there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Redirection } from '../../agent/connections/redirect.ts';
import type { Lab } from '../lab/index.ts';
import { journals, kubectlMigrate } from './attempt.ts';
import { type Migration, type Moved, otherThan, type Placed, withCri } from './migrate.ts';

export async function lookAt(lab: Lab, id: string): Promise<Migration> {
  const { migration, stderr } = await kubectlMigrate(lab, 'get', id);
  if (migration === undefined) throw new Error(`${id} cannot be looked at: ${stderr}`);
  return migration;
}

/** Resolves when the pod runs at its target and only connections are waited for, or when it has ended. */
export async function settled(lab: Lab, id: string, withinMs = 60_000): Promise<Migration> {
  const until = performance.now() + withinMs;
  for (;;) {
    const { migration, stderr } = await kubectlMigrate(lab, 'get', id);
    if (migration !== undefined && /^(Completing|Succeeded|RolledBack|Failed)$/.test(migration.phase)) return migration;
    if (performance.now() > until) throw new Error(`${id} is still ${migration?.phase ?? 'unknown'}: ${stderr}`);
    await sleep(100);
  }
}

/** As its source has it written down. */
export function redirectionOf(lab: Lab, { migration, node }: Moved): Redirection {
  const file = join(journals(lab, otherThan(node), 'source'), migration.id, 'redirection.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Redirection;
}

export interface LeftBehind {
  sandbox: boolean;
  namespace: boolean;
  journal: boolean;
  plugs: string;
}

export const nothing: LeftBehind = { sandbox: false, namespace: false, journal: false, plugs: '' };

/**
 * @param pod as it was before it moved
 * @param netns of its sandbox, whose rules go with it
 */
export async function leftBehind(
  lab: Lab,
  { node, podId }: Placed,
  { migration }: Moved,
  netns: string,
): Promise<LeftBehind> {
  const { items } = await withCri(lab, node, async (cri) => await cri.listPodSandbox({}));
  const { stdout } = await lab.exec(node, ['pgrep', '-f', 'plug[.]pl']);
  return {
    sandbox: items.some(({ id }) => id === podId),
    // Links that are absolute would lead out of the node.
    namespace: existsSync(join(lab.node(node).root, netns.replace(/^\/var\/run\//, '/run/'))),
    journal: existsSync(join(journals(lab, node, 'source'), migration.id)),
    plugs: stdout.trim(),
  };
}

export async function untilNothingIsLeft(lab: Lab, pod: Placed, moved: Moved, netns: string): Promise<void> {
  const look = async () => await leftBehind(lab, pod, moved, netns);
  await expect.poll(look, { timeout: 15_000, interval: 200 }).toEqual(nothing);
}
