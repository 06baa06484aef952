/** The product, as a user has it: the CLI asks the coordinator, and its JSON is the result. */
import { join } from 'node:path';
import { clientFlags, clientIdentity, type Lab, type NodeName, removePod } from '../../lab/index.ts';
import { runRedis } from '../redis.ts';
import { type Log, piecesOf } from '../profile/pieces.ts';
import type { Measured, Way } from './way.ts';

const cli = join(import.meta.dirname, '../../../coordinator/cli/kubectl-migrate.ts');

interface Outcome {
  id: string;
  phase: string;
  freezeMs: number;
  targetSandboxId: string;
  moments: Record<string, number>;
}

export interface HowToMove {
  transport: 'stream' | 'nfs';
  strategy: 'stop-and-copy' | 'post-copy';
  /** Whether agents keep CRIU's logs, so that they can be read. */
  profile: boolean;
}

export async function podferry(lab: Lab, sizeMb: number, { transport, strategy, profile }: HowToMove): Promise<Way> {
  const name = `bench-${strategy}-${transport}`;
  let at: NodeName = 'node-a';
  let sandbox = (await runRedis(lab, at, name, 'podferry', sizeMb)).podId;
  return {
    name: 'podferry',
    strategy: strategy.replaceAll('-', '_'),
    transport,
    async once(): Promise<Measured> {
      const to = at === 'node-a' ? 'node-b' : 'node-a';
      const waits = profile || strategy === 'post-copy' ? ['--wait', 'all'] : [];
      const options = ['--to', to, '--strategy', strategy, '--transport', transport, '--linger', '0s', '-o', 'json'];
      const argv = [process.execPath, cli, name, ...options, ...waits];
      const { stdout, stderr } = await lab.exec('control', [...argv, ...clientFlags(lab, clientIdentity)]);
      const outcome = JSON.parse(stdout || '{}') as Partial<Outcome>;
      if (outcome.phase !== 'Succeeded' || outcome.freezeMs === undefined) {
        throw new Error(`migration to ${to} ended ${outcome.phase ?? 'without an answer'}: ${stderr.trim()}`);
      }
      const { id = '', moments = {}, freezeMs } = outcome;
      const measured = { freezeMs, parts: partsOf(moments) };
      const [from, container] = [at, name];
      at = to;
      sandbox = outcome.targetSandboxId ?? sandbox;
      if (!profile) return measured;
      const dump = await logOf(lab, from, `${id}.source/${container}`, 'dump.log');
      const restore = await logOf(lab, to, `${id}.target/${container}`, 'restore.log');
      return { ...measured, pieces: piecesOf(moments, { dump, restore }) };
    },
    async close() {
      await removePod(lab, at, sandbox);
    },
  };
}

async function logOf(lab: Lab, node: NodeName, side: string, file: string): Promise<Log> {
  const read = async (name: string) => await lab.run(node, ['cat', `/run/podferry/logs/${side}/${name}`]);
  const born = JSON.parse(await read('born.json')) as Record<string, number>;
  return { text: await read(file), bornMs: born[file] ?? Number.NaN };
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
