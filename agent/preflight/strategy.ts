/** Whether a node can take part in a strategy, and a pod be moved by it. Pure. */
import type { Finding } from '../../proto/gen/podferry/v1/Finding.ts';
import type { Strategy__Output as Strategy } from '../../proto/gen/podferry/v1/Strategy.ts';
import type { Transport__Output as Transport } from '../../proto/gen/podferry/v1/Transport.ts';

/** Userfaultfd with word of fork, munmap and mremap, without which memory would be put where it does not belong. */
const needed = 'uffd-noncoop';

export function preflightStrategy(
  { strategy, transport }: { strategy: Strategy; transport: Transport },
  containers: number,
  { node, criuFeatures }: { node: string; criuFeatures: readonly string[] },
): Finding[] {
  if (strategy !== 'post_copy') return [];
  const against: string[] = [];
  if (!criuFeatures.includes(needed)) {
    against.push(
      `post-copy needs userfaultfd with its events, and \`criu check --feature ${needed}\` says that ${node} has it not`,
    );
  }
  if (transport !== 'stream')
    against.push(`post-copy needs transport stream: over ${transport} nobody can be asked for memory`);
  if (containers > 1)
    against.push(`post-copy moves pods of one container, and this one has ${containers}: use stop-and-copy`);
  return against.map((message) => ({ reason: 'StrategyUnavailable', message }));
}
