/**
 * Whether a node is of a kind with another, as far as what runs on that could not go on here. Its agent says so too when
 * it is asked for one pod; this is for who has a node to choose. Pure.
 */
import type { NodeFacts__Output as NodeFacts } from '../../proto/gen/podferry/v1/NodeFacts.ts';

type Kind = Pick<NodeFacts, 'cpu_flags' | 'cgroup_version'>;

/** More names than that nobody reads. */
const shown = 8;

/** @returns why not; undefined: nothing is known against it */
export function whyUnlike(source: Kind | undefined, target: Kind | undefined, node: string): string | undefined {
  if (source === undefined || target === undefined) return undefined;
  if (source.cgroup_version !== target.cgroup_version) {
    return `${node} has cgroup version ${target.cgroup_version}, and the pod's node has ${source.cgroup_version}`;
  }
  const there = new Set(target.cpu_flags);
  const missing = source.cpu_flags.filter((flag) => !there.has(flag));
  if (missing.length === 0) return undefined;
  const more = missing.length > shown ? ` and ${missing.length - shown} more` : '';
  return `the processor of ${node} lacks what the pod may be using: ${missing.slice(0, shown).join(' ')}${more}`;
}
