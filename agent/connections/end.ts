/**
 * Ends what goes through the source pod's namespace: no translation any more, and both ends of every connection are
 * told by a reset, the silent ones too. May be repeated.
 */
import { join } from 'node:path';
import { run } from '../runtime/command.ts';
import { within } from '../runtime/netns.ts';
import type { Connection, Endpoint, Kept, Move } from './connection.ts';
import type { Redirection } from './redirect.ts';
import { endAll, nudgeMark } from './rules.ts';

const nudge = join(import.meta.dirname, 'nudge.pl');

/**
 * @param look what there is, asked when nothing new can come any more: of kept and of forwarded ones, with the port of the
 *   pod's former address on the target's side
 */
export async function endConnections(
  { netns, moves }: Redirection,
  look: () => readonly Kept[],
  signal: AbortSignal,
): Promise<void> {
  const options = {
    reason: 'ReleaseFailed',
    what: `ending the connections that go by way of ${netns}`,
    signal,
  } as const;
  await run(within(netns, 'nft', '-f', '-'), { ...options, stdin: endAll(moves) });
  await resetEnds(
    netns,
    look().flatMap((each) => bothOf(each, moves)),
    signal,
  );
}

/** Of connections whose other end has gone already: from whom the reset is to come, and to whom. */
export async function resetLost({ netns, lost }: Redirection, signal: AbortSignal): Promise<void> {
  await resetEnds(netns, lost.map(peerOf), signal);
}

type Ends = readonly [from: Endpoint, to: Endpoint];

function peerOf({ local, remote }: Connection): Ends {
  return [local, remote];
}

function bothOf(connection: Kept, moves: readonly Move[]): Ends[] {
  const { local, port } = connection;
  const move = moves.find(({ from }) => from === local.address);
  if (move === undefined) return [];
  return [
    peerOf(connection),
    [
      { address: move.from, port },
      { address: move.to, port: local.port },
    ],
  ];
}

async function resetEnds(netns: string, ends: readonly Ends[], signal: AbortSignal): Promise<void> {
  if (ends.length === 0) return;
  const lines = ends.map(([from, to]) => `${from.address} ${from.port} ${to.address} ${to.port}\n`).join('');
  await run(within(netns, 'perl', nudge, String(nudgeMark)), {
    reason: 'ReleaseFailed',
    what: `resetting ${ends.length} ends of connections in ${netns}`,
    stdin: lines,
    signal,
  });
}
