/** A migration as this program shows it: an object for programs, words and a table for people. */
import { stringify } from 'yaml';
import type { Connections__Output as Connections } from '../../proto/gen/podferry/v1/Connections.ts';
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { formatDuration } from '../duration.ts';
import { describe, type Report } from '../probe/report.ts';
import { describeConnections, isMoved, isOver } from './progress.ts';
import { formatBytes, table } from './table.ts';

export type Format = 'text' | 'wide' | 'json' | 'yaml';

export function isForPrograms(format: Format): boolean {
  return format === 'json' || format === 'yaml';
}

export function print(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : stringify(value);
}

export function dashed(name: string): string {
  return name.replaceAll('_', '-');
}

const round = (ms: number) => Math.round(ms * 1000) / 1000;
const time = (unixMs: number) => new Date(unixMs).toISOString();

/** Stable: scripts read it. Milliseconds and bytes are numbers. */
export function toObject(migration: Migration) {
  const { id, plan, phase, outcome, phases, moments, freeze_ms, total_ms, bytes_done, bytes_total } = migration;
  const { connections } = migration;
  return {
    id,
    namespace: plan?.pod?.namespace ?? '',
    pod: plan?.pod?.name ?? '',
    uid: plan?.pod?.uid ?? '',
    source: plan?.source_node ?? '',
    target: plan?.target_node ?? '',
    strategy: dashed(plan?.strategy ?? ''),
    transport: plan?.transport ?? '',
    ...networkOf(plan),
    phase,
    ...(outcome === null ? {} : { reason: outcome.reason, message: outcome.message }),
    committed: migration.committed,
    phases: Object.fromEntries(phases.map(({ phase, duration_ms }) => [phase, round(duration_ms)])),
    moments: Object.fromEntries(moments.map(({ name, unix_ms }) => [name, round(unix_ms)])),
    freezeMs: round(freeze_ms),
    totalMs: round(total_ms),
    bytes: Number(bytes_done),
    bytesTotal: Number(bytes_total),
    targetIp: migration.target_ip,
    targetSandboxId: migration.target_sandbox_id,
    ...(connections === null ? {} : { connections: connectionsOf(connections) }),
    createdAt: time(migration.created_unix_ms),
  };
}

/** Nothing of one that is not decided yet. */
export function networkOf(plan: Migration['plan']): { network?: string; networkReason?: string } {
  if (plan === null || plan.network === 'NETWORK_UNSPECIFIED') return {};
  const { network, network_reason } = plan;
  return { network: dashed(network), ...(network_reason === '' ? {} : { networkReason: network_reason }) };
}

function connectionsOf({ kept, forwarded, bytes, oldest_unix_ms }: Connections) {
  return { kept, forwarded, bytes: Number(bytes), ...(oldest_unix_ms === 0 ? {} : { oldestAt: time(oldest_unix_ms) }) };
}

function timeSpent(migration: Migration): string {
  const time = formatDuration(migration.total_ms);
  if (isMoved(migration)) return `moved in ${formatDuration(movedIn(migration))}`;
  if (!isOver(migration)) return `${time} so far`;
  return migration.phase === 'Succeeded' ? `moved in ${time}` : `ended in ${time}`;
}

function movedIn({ phases, created_unix_ms, total_ms }: Migration): number {
  const done = phases.find(({ phase }) => phase === 'Completing')?.started_unix_ms;
  return done === undefined ? total_ms : done - created_unix_ms;
}

/** One line that says it all. */
export function summary(migration: Migration): string {
  const { id, plan, phase, freeze_ms, bytes_done } = migration;
  const course = `${id}: ${plan?.pod?.namespace ?? ''}/${plan?.pod?.name ?? ''} ${plan?.source_node ?? ''} → ${plan?.target_node ?? ''}`;
  const facts = [
    timeSpent(migration),
    ...(freeze_ms > 0 ? [`frozen ${formatDuration(freeze_ms)}`] : []),
    ...(Number(bytes_done) > 0 ? [formatBytes(Number(bytes_done))] : []),
    ...(isMoved(migration) ? [describeConnections(migration, Date.now())] : []),
  ];
  return `${course} ${phase}, ${facts.join(', ')}`;
}

export function phaseTable({ phases, created_unix_ms, freeze_ms, total_ms }: Migration): string {
  const rows = phases.map(({ phase, started_unix_ms, duration_ms }) => [
    phase,
    `+${formatDuration(started_unix_ms - created_unix_ms)}`,
    formatDuration(duration_ms),
  ]);
  const sums = [
    ['total', '', formatDuration(total_ms)],
    ...(freeze_ms > 0 ? [['frozen', '', formatDuration(freeze_ms)]] : []),
  ];
  return table([['PHASE', 'START', 'TIME'], ...rows, ...sums]);
}

export function momentTable({ moments }: Migration): string {
  const first = moments[0]?.unix_ms ?? 0;
  return table([
    ['MOMENT', 'AT'],
    ...moments.map(({ name, unix_ms }) => [name, `+${formatDuration(unix_ms - first)}`]),
  ]);
}

/** The whole of one, in a format that was asked for. */
export function showOne(migration: Migration, format: Format, probe?: Report): string {
  if (format === 'json' || format === 'yaml')
    return print({ ...toObject(migration), ...(probe === undefined ? {} : { probe }) }, format);
  const tables = [
    phaseTable(migration),
    ...(format === 'wide' ? [momentTable(migration)] : []),
    ...(probe === undefined ? [] : [describe(probe)]),
  ];
  return `${tables.join('\n\n')}\n${summary(migration)}\n`;
}
