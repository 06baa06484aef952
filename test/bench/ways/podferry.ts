/** The product, as a user has it: the CLI asks the coordinator, and its JSON is the result. */
import { join } from 'node:path';
import { clientFlags, clientIdentity, type Lab, type NodeName, removePod } from '../../lab/index.ts';
import { runRedis } from '../redis.ts';
import type { Measured, Way } from './way.ts';

const cli = join(import.meta.dirname, '../../../coordinator/cli/kubectl-migrate.ts');

interface Outcome {
  phase: string;
  freezeMs: number;
  targetSandboxId: string;
  moments: Record<string, number>;
}

export async function podferry(
  lab: Lab,
  sizeMb: number,
  transport: 'stream' | 'nfs',
  strategy: 'stop-and-copy' | 'post-copy' = 'stop-and-copy',
): Promise<Way> {
  const name = `bench-${strategy}-${transport}`;
  let at: NodeName = 'node-a';
  let sandbox = (await runRedis(lab, at, name, 'podferry', sizeMb)).podId;
  return {
    name: 'podferry',
    strategy: strategy.replaceAll('-', '_'),
    transport,
    async once(): Promise<Measured> {
      const to = at === 'node-a' ? 'node-b' : 'node-a';
      const how = ['--strategy', strategy, '--transport', transport, '--linger', '0s', '--wait', 'all', '-o', 'json'];
      const argv = [process.execPath, cli, name, '--to', to, ...how];
      const { stdout, stderr } = await lab.exec('control', [...argv, ...clientFlags(lab, clientIdentity)]);
      const outcome = JSON.parse(stdout || '{}') as Partial<Outcome>;
      if (outcome.phase !== 'Succeeded' || outcome.freezeMs === undefined) {
        throw new Error(`migration to ${to} ended ${outcome.phase ?? 'without an answer'}: ${stderr.trim()}`);
      }
      at = to;
      sandbox = outcome.targetSandboxId ?? sandbox;
      return { freezeMs: outcome.freezeMs, parts: partsOf(outcome.moments ?? {}) };
    },
    async close() {
      await removePod(lab, at, sandbox);
    },
  };
}

/** What the freeze was made of, from the agents' own moments. */
function partsOf(moments: Record<string, number>): Record<string, number> {
  const between = (from: string, to: string) => (moments[to] ?? Number.NaN) - (moments[from] ?? Number.NaN);
  return {
    dump: between('frozen', 'dumped'),
    files: between('dumped', 'files-sent'),
    memory: between('files-sent', 'memory-sent'),
    images: between('memory-sent', 'images-sent'),
    seal: between('images-sent', 'sent'),
    commit: between('sent', 'go'),
    restore: between('go', 'running'),
  };
}
