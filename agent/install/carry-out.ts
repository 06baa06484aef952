/** Looks, refuses or acts: in a turn of its own where containerd has to be restarted. */
import type { Kubernetes } from '../../coordinator/cluster/kubernetes/client.ts';
import { Fault } from '../../proto/fault.ts';
import { inTurn, type TurnOptions } from './turn.ts';

export type Turn = { kubernetes: Kubernetes } & TurnOptions;

interface Prospect {
  /** All that is against it. */
  against: string[];
  needsRestart: boolean;
}

/**
 * @param turn undefined: nobody else restarts anything
 * @throws Fault RuntimeUnsupported with all reasons, when nothing was changed
 */
export async function carryOut<P extends Prospect>(
  look: () => Promise<P>,
  act: (prospect: P) => Promise<void>,
  turn: Turn | undefined,
): Promise<void> {
  const lookOnce = async () => {
    const prospect = await look();
    const { against } = prospect;
    if (against.length === 0) return prospect;
    throw new Fault('RuntimeUnsupported', ['nothing was changed, because', ...against].join('\n  '));
  };
  const first = await lookOnce();
  if (!first.needsRestart || turn === undefined) return await act(first);
  // Much may have happened while others had their turns.
  await inTurn(turn.kubernetes, turn, async () => await act(await lookOnce()));
}
