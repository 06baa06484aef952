/** The README has every flag, reason and metric that there is, and none that there is not. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { register } from 'prom-client';
import { expect, it } from 'vitest';
import * as agentMetrics from '../../agent/metrics.ts';
import { Metrics } from '../../coordinator/metrics.ts';
import { Queue } from '../../coordinator/migration/queue.ts';
import { load } from '../../proto/load.ts';

const repository = join(import.meta.dirname, '../..');
const readme = readFileSync(join(repository, 'README.md'), 'utf8');

/** Flag with its argument → default, '' for none. */
type Flags = Record<string, string>;

async function help(script: string, command: readonly string[] = []): Promise<string> {
  const argv = [join(repository, script), ...command, '--help'];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env: { PATH: process.env['PATH'] } });
  // What goes on in the next line is indented further.
  return stdout.replaceAll(/\n {3,}/g, ' ');
}

function listed(heading: string, text: string): string[] {
  const [, block = ''] = new RegExp(`^${heading}:\\n((?: {2}.*\\n)+)`, 'm').exec(text) ?? [];
  return block.split('\n').filter(Boolean);
}

function flagsIn(text: string): Flags {
  const flags = listed('Options', text).map((line): [string, string] => {
    const [flag = '', meaning = ''] = line.trim().split(/ {2,}| (?=[a-z(/])/);
    return [flag, defaultIn(line.slice(line.indexOf(meaning)))];
  });
  return Object.fromEntries(flags.filter(([flag]) => flag !== '-h, --help'));
}

/** As commander writes it, or the text. */
function defaultIn(meaning: string): string {
  const [, quoted, plain = ''] =
    /\((?:choices: [^)]*?, )?default:? (?:"([^"]+)"|(.+?))(?:, env: \w+)?\)/.exec(meaning) ??
    /\(PODFERRY_\w+, (?:"([^"]+)"|(.+?))\)/.exec(meaning) ??
    [];
  return (quoted ?? plain).replace(/^false$/, '');
}

async function flagsOf(script: string): Promise<Flags> {
  const text = await help(script);
  const commands = listed('Commands', text)
    .map((line) => /[a-z]+/.exec(line)?.[0] ?? '')
    .filter((name) => name !== 'help');
  const texts = await Promise.all(commands.map(async (name) => await help(script, [name])));
  return Object.assign({}, ...[text, ...texts].map(flagsIn)) as Flags;
}

function section(heading: string): string {
  return readme.split(/^#{2,3} /m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
}

function cells(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''));
}

/** The table below a heading: its first column and the one called "default". */
function flagsUnder(heading: string): Flags {
  const [titles = '', , ...rows] = section(heading)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const column = cells(titles).indexOf('default');
  return Object.fromEntries(
    rows.map((row) => {
      const value = cells(row)[column] ?? '';
      return [cells(row)[0] ?? '', value === 'required' ? '' : value];
    }),
  );
}

it.each([
  ['agent/main.ts', 'agent/main.ts'],
  ['coordinator/main.ts', 'coordinator/main.ts'],
  ['coordinator/cli/kubectl-migrate.ts', 'kubectl migrate'],
  ['coordinator/cli/kubectl-checkpoint.ts', 'kubectl checkpoint'],
  ['coordinator/cli/kubectl-probe.ts', 'kubectl probe'],
  ['agent/podferry.ts', 'agent/podferry.ts'],
  ['agent/install/main.ts', 'agent/install/main.ts'],
  ['coordinator/uninstall/main.ts', 'coordinator/uninstall/main.ts'],
  ['test/demo/main.ts', 'npm run demo'],
])(
  'has the flags of %s with their defaults',
  async (script, heading) => {
    const flags = await flagsOf(script);
    expect(Object.keys(flags).length).toBeGreaterThan(1);
    expect(flagsUnder(heading)).toEqual(flags);
  },
  30_000,
);

it('has every reason', () => {
  const { value } = load('migration.proto').podferry.v1.Reason.type as { value: { name: string }[] };
  const reasons = value.map(({ name }) => name).filter((name) => name !== 'REASON_UNSPECIFIED');
  const named = section('What it does not move').matchAll(/`([A-Z][A-Za-z]+)`/g);
  expect(new Set([...named].map(([, name]) => name))).toEqual(new Set(reasons));
});

it('has every metric', () => {
  const coordinator = new Metrics(new Queue({ perNode: 1, total: 1 }), { states: new Map() }, () => false).registry;
  expect(agentMetrics).toHaveProperty('phaseDuration');
  const ours = [register, coordinator].flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name));
  const named = section('Metrics').matchAll(/^\| `(\w+)`/gm);
  expect(new Set([...named].map(([, name]) => name))).toEqual(
    new Set(ours.filter((name) => name.startsWith('podferry_'))),
  );
});
