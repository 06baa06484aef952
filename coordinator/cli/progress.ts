/** How far a migration is: one line, drawn again and again, on a terminal; a line for each phase anywhere else. */
import type { Migration__Output as Migration } from '../../proto/gen/podferry/v1/Migration.ts';
import { formatDuration } from '../duration.ts';
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
    ...(eta_ms >= 0 ? [`${formatDuration(eta_ms)} to go`] : []),
    formatDuration(Math.max(0, now - created_unix_ms)),
  ];
  return parts.join('  ');
}

export function isOver({ phase }: Migration): boolean {
  return phase === 'Succeeded' || phase === 'RolledBack' || phase === 'Failed';
}
