/** Which address of the target stands for which of the source. */
import { isIPv4, isIPv6 } from 'node:net';
import { Fault } from '../../proto/fault.ts';
import type { Move } from './connection.ts';

/**
 * One for each IP version that both have.
 *
 * @throws Fault FreezeFailed when there is none, or the target lacks one that clients may use
 */
export function movesOf(source: readonly string[], target: readonly string[]): Move[] {
  const moves: Move[] = [];
  for (const [family, is] of [
    ['ip', isIPv4],
    ['ip6', isIPv6],
  ] as const) {
    const from = source.find((address) => is(address));
    if (from === undefined) continue;
    const to = target.find((address) => is(address));
    if (to === undefined) {
      const what = `the pod has ${from}, but at the target only ${target.join(', ') || 'no address'}`;
      throw new Fault('FreezeFailed', `${what}: both nodes must give pods addresses of the same IP versions`);
    }
    moves.push({ family, from, to });
  }
  if (moves.length > 0) return moves;
  throw new Fault('FreezeFailed', `the pod has no address that could be forwarded: ${source.join(', ') || 'none'}`);
}
