/**
 * The pod runs at the target: what its clients have sent while it stood still goes there, and all that follows. Where
 * connections are not kept, they end: a reset tells a client to connect anew. (A kernel without CONFIG_INET_DIAG_DESTROY
 * does nothing; then clients are told when they next say something.)
 */
import { existsSync } from 'node:fs';
import { passOver } from '../connections/address-rules.ts';
import { resetLost } from '../connections/end.ts';
import { orderPlug } from '../connections/plug.ts';
import { readRedirection } from '../connections/redirect.ts';
import { passOn, unplug } from '../connections/rules.ts';
import { Fault } from '../../proto/fault.ts';
import { uproot } from '../journal/planted.ts';
import { calmRcu } from '../runtime/expedited-rcu.ts';
import { stopWatchdog } from './arm.ts';
import { run } from '../runtime/command.ts';
import { within } from '../runtime/netns.ts';
import type { SourceMigration } from './source.ts';

/** After the commit. May be repeated. */
export async function passTraffic(source: SourceMigration, signal: AbortSignal): Promise<void> {
  const { record, paths } = source;
  if (record.step !== 'Committed' && record.step !== 'Released') {
    throw new Fault('CutOverFailed', `the source is ${record.step}, not Committed: its connections are in use`);
  }
  const redirection = readRedirection(paths);
  // Gone with all that led through it, or done.
  if (redirection === undefined || source.trafficPassed || !existsSync(redirection.netns)) return;
  const { netns, moves, plugged, keeps, handOver, finishing = [] } = redirection;
  const act = async (argv: [string, ...string[]], stdin?: string) =>
    await run(within(netns, ...argv), {
      reason: 'CutOverFailed',
      what: `passing on what comes to ${netns}`,
      stdin,
      signal,
    });
  // At once, by the way that packets have taken until now; then they need not take it any more.
  orderPlug(paths.plug, 'release');
  if (source.passedAt === undefined) {
    source.moment('passed');
    source.enter(record.step);
  }
  await Promise.all([
    keeps || record.step === 'Released' ? undefined : act(closeAll),
    handOver !== undefined
      ? act(['nft', '-f', '-'], passOver(moves, handOver, finishing))
      : plugged
        ? act(['/bin/sh', '-c', unplug])
        : act(['nft', '-f', '-'], passOn(moves)),
  ]);
  orderPlug(paths.plug, 'end');
  uproot(paths, 'plug');
  // What they were for is over, and what follows may take long.
  stopWatchdog(source);
  calmRcu(paths);
  source.trafficPassed = true;
  // Takes a second or two, and everybody else's connections go on already.
  source.lostAreTold = resetLost(redirection, source.abort.signal).catch(() => {});
}

const closeAll: [string, ...string[]] = ['ss', '--kill', '--tcp', '--numeric', 'state', 'connected'];
