/** How far a migration is: one line, drawn again and again, on a terminal; a line for each phase anywhere else. */
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { formatDuration } from '../duration.ts';
import { longestLingerMs } from '../../proto/linger.ts';
import { formatBytes } from './table.ts';

export interface Progress {
  show(migration: Migration, message: string): void;
  /** Leaves a clean line behind. */
  end(): void;
}

export const silent: Progress = { show: () => {}, end: () => {} };

type Out = Pick<NodeJS.WriteStream, 'write' | 'columns'>;

export function lineProgress(out: Out, every = 100): Progress {
  let last: Migration | undefined;
  let drawn = false;
  const draw = () => {
    if (last === undefined) return;
    const line = describe(last, Date.now());
    // A terminal of unknown width says 0.
    out.write(`\r\x1b[K${line.slice(0, (out.columns || 80) - 1)}`);
    drawn = true;
  };
  // Time goes on also when nothing is told.
  const timer = setInterval(draw, every);
  return {
    show(migration, message) {
      last = migration;
      if (message !== '' && drawn) out.write('\r\x1b[K');
      if (message !== '') out.write(`${message}\n`);
      draw();
    },
    end() {
      clearInterval(timer);
      if (drawn) out.write('\r\x1b[K');
      drawn = false;
    },
  };
}

export function plainProgress(out: Out): Progress {
  let told = 0;
  return {
    show(migration, message) {
      // By the phases that are over, not by events: several of them may come in one.
      const over = isOver(migration) ? migration.phases : migration.phases.slice(0, -1);
      for (const { phase, duration_ms } of over.slice(told)) {
        const bytes =
          phase === 'PreCopying' || phase === 'Transferring'
            ? `, ${formatBytes(Number(migration.bytes_done))} in all`
            : '';
        out.write(`${migration.id} ${phase} ${formatDuration(duration_ms)}${bytes}\n`);
      }
      told = Math.max(told, over.length);
      if (message !== '') out.write(`${migration.id} ${message}\n`);
    },
    end() {},
  };
}

function describe(migration: Migration, now: number): string {
  const { id, plan, phase, created_unix_ms, bytes_done, bytes_total, eta_ms } = migration;
  const done = Number(bytes_done);
  const total = Number(bytes_total);
  const parts = [
    `${id} ${plan?.pod?.name ?? ''} → ${plan?.target_node ?? ''}`,
    phase,
    ...(done > 0 ? [total > done ? `${formatBytes(done)} of ${formatBytes(total)}` : formatBytes(done)] : []),
    ...(isMoved(migration) ? [describeConnections(migration, now)] : []),
    ...(eta_ms >= 0 ? [`${formatDuration(eta_ms)} to go`] : []),
    formatDuration(Math.max(0, now - created_unix_ms)),
  ];
  return parts.join('  ');
}

/** The pod is at its target, and all that is left is connections that go by way of the node it has left. */
export function isMoved({ phase, connections }: Migration): boolean {
  return phase === 'Completing' && connections !== null && connections.kept + connections.forwarded > 0;
}

/** What is waited for, in words, with how long at most. */
export function describeConnections({ plan, connections, phases }: Migration, now: number): string {
  const { kept = 0, forwarded = 0 } = connections ?? {};
  const count = kept + forwarded;
  const still = `${count} ${count === 1 ? 'connection still goes' : 'connections still go'} by way of ${plan?.source_node ?? ''}`;
  const longestMs = plan === null ? 0 : longestLingerMs(plan);
  if (longestMs === Number.POSITIVE_INFINITY) return `${still}, for as long as they live`;
  const since = phases.find(({ phase }) => phase === 'CuttingOver')?.started_unix_ms ?? now;
  return `${still}, for at most ${formatDuration(Math.max(0, since + longestMs - now))} more`;
}

export function isOver({ phase }: Migration): boolean {
  return phase === 'Succeeded' || phase === 'RolledBack' || phase === 'Failed';
}
