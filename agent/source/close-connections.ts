/**
 * The pod runs at the target, but its connections ended in the source's kernel. There they would stay open as long as
 * the frozen source does, and a client that waits for an answer would wait too: a reset tells it to connect anew. (A
 * kernel without CONFIG_INET_DIAG_DESTROY does nothing; then the kill of the source closes them.)
 */
import { Fault } from '../../proto/fault.ts';
import { run } from '../runtime/command.ts';
import type { ContainerRuntime } from '../runtime/runtime.ts';
import type { SourceMigration } from './source.ts';

/** After the commit. May be repeated. */
export async function closeConnections(
  { record }: SourceMigration,
  runtime: ContainerRuntime,
  signal: AbortSignal,
): Promise<void> {
  if (record.step !== 'Committed' && record.step !== 'Released') {
    throw new Fault('CutOverFailed', `the source is ${record.step}, not Committed: its connections are in use`);
  }
  const { netnsPath } = await runtime.podStatus(record.details.sandboxId, signal);
  if (netnsPath === undefined) return;
  await run(['nsenter', `--net=${netnsPath}`, '--', 'ss', '--kill', '--tcp', '--numeric', 'state', 'connected'], {
    reason: 'CutOverFailed',
    what: `closing the connections in ${netnsPath}`,
    signal,
  });
}
