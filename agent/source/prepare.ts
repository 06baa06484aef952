/** A pod that is about to leave: whether it can by this plan, the connection to where it goes, and its journal. */
import { writeFileSync } from 'node:fs';
import type { AgentParts } from '../agent.ts';
import { checkLink } from '../connections/link.ts';
import { checkOwnRules } from '../connections/own-rules.ts';
import { openJournal } from '../journal/record.ts';
import type { SourcePod } from '../preflight/describe.ts';
import { manifestOf } from '../preflight/source.ts';
import { treesOf } from './copy-ahead.ts';
import { owing } from './post-copy.ts';
import { isLazy, keepsConnections, SourceMigration, type SourceRecord } from './source.ts';

/**
 * @param address HOST:PORT of the target's data socket
 * @throws Fault NetworkUnavailable, AgentUnreachable, PermissionDenied, TransportUnavailable; nothing is left then
 */
export async function prepareSource(
  parts: Pick<AgentParts, 'paths' | 'situation' | 'sending'>,
  { plan, pod, address, token }: { plan: SourceRecord['plan']; pod: SourcePod; address: string; token: string },
  signal: AbortSignal,
): Promise<SourceMigration> {
  const { paths, situation } = parts;
  const side = paths.source(plan.id);
  // Before its object may have to go: after that there is no way back.
  const { netnsPath } = pod.status;
  if (netnsPath !== undefined && keepsConnections(plan))
    await checkOwnRules(netnsPath, pod.containers[0]?.pid ?? 0, signal);
  if (plan.network === 'keep_address') await checkLink(pod);
  const manifest = manifestOf(pod, situation.cpuFlags);
  const to = { migration: plan.id, address, peer: plan.target_node, token, manifest };
  const outbox = await parts.sending(plan).open(to, signal);
  openJournal(side);
  writeFileSync(side.sandbox, pod.status.id);
  const containers = pod.containers.map(({ name, status, freezer: { version, path } }) => ({
    name,
    id: status.id,
    freezer: { version, path },
  }));
  const { id: sandboxId, config: podConfig } = pod.status;
  const owed = isLazy(plan) ? { pages: owing(address) } : {};
  const details = { sandboxId, podConfig, containers, watchdog: 0, dumpedBytes: 0, receipt: undefined, ...owed };
  const record: SourceRecord = { plan, step: 'Prepared', moments: [], fault: null, details };
  return new SourceMigration(side, record, { pod, outbox, trees: treesOf(pod) });
}
