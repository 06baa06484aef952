/** Runs the cluster tests in a lab with a Kubernetes of their own. Arguments are vitest's: file names, -t, … */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { down, up } from '../lab/index.ts';

const say = (line: string) => console.error(`cluster: ${line}`);
const root = join(import.meta.dirname, '../..');
const name = `podferry-cluster-${process.pid}`;

const lab = await up({ name, kubernetes: true, say });
const vitest = spawn(
  join(root, 'node_modules/.bin/vitest'),
  ['run', '--config', 'test/vitest.config.ts', '--project', 'cluster', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit', env: { ...process.env, PODFERRY_LAB: name } },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
try {
  const [code] = (await once(vitest, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
  if (code !== 0) {
    const kept = await mkdtemp(join(tmpdir(), 'podferry-cluster-'));
    await cp(lab.layout.logs, kept, { recursive: true });
    say(`logs of Kubernetes, containerd, agents and coordinator are kept in ${kept}`);
  }
} finally {
  await down(name);
}
