/**
 * Runs the tests of a project in a lab of their own.
 *
 *   node test/run.ts integration|flat|cluster|install [what vitest takes: file names, -t, …]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { down, up } from './lab/index.ts';

const [project = '', ...rest] = process.argv.slice(2);
const needs: Record<string, { kubernetes: boolean; stock?: boolean; flat?: boolean } | undefined> = {
  integration: { kubernetes: false },
  flat: { kubernetes: false, flat: true },
  cluster: { kubernetes: true },
  install: { kubernetes: true, stock: true },
};
const options = needs[project];
if (options === undefined)
  throw new Error(`no tests are called ${JSON.stringify(project)}: integration, flat, cluster or install`);

const say = (line: string) => console.error(`${project}: ${line}`);
const root = join(import.meta.dirname, '..');
const name = `podferry-${project}-${process.pid}`;

const lab = await up({ ...options, name, say });
const vitest = spawn(
  join(root, 'node_modules/.bin/vitest'),
  ['run', '--config', 'test/vitest.config.ts', '--project', project, ...rest],
  { cwd: root, stdio: 'inherit', env: { ...process.env, PODFERRY_LAB: name } },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
try {
  const [code] = (await once(vitest, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
  if (code !== 0) {
    const kept = await mkdtemp(join(tmpdir(), `podferry-${project}-`));
    await cp(lab.layout.logs, kept, { recursive: true });
    say(`the logs of all parts are kept in ${kept}`);
  }
} finally {
  await down(name);
}
