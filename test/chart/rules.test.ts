/** The alerts that the chart brings: each fires when it should, and none does where all is well. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '../lab/command.ts';
import { repository } from '../lab/layout.ts';
import { prometheusPrograms } from '../lab/prometheus-programs.ts';
import { defaultCache } from '../lab/up.ts';
import { chart } from './rendered.ts';

interface Rule {
  alert?: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

const file = join(chart, 'files/monitoring/rules.yaml');
const text = readFileSync(file, 'utf8');
const { groups } = parse(text) as { groups: { rules: Rule[] }[] };
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
const cases = (name: string) => join(import.meta.dirname, 'rules', `${name}.yaml`);

let promtool: string;
beforeAll(async () => {
  ({ promtool } = await prometheusPrograms(defaultCache(), (line) => console.error(`chart: ${line}`)));
});

it('are rules that Prometheus can read, without anything that it doubts', async () => {
  const said = await run([promtool, 'check', 'rules', '--lint=all', '--lint-fatal', file]);
  expect(said).toContain(`${alerts.length + 1} rules found`);
});

it.each(['healthy', 'fires'])('do what rules/%s.yaml says', async (name) => {
  expect(await run([promtool, 'test', 'rules', cases(name)])).toContain('SUCCESS');
});

it('are all said to fire there', () => {
  const fired = readFileSync(cases('fires'), 'utf8').matchAll(/alertname="(\w+)"/g);
  expect(new Set([...fired].map(([, name]) => name))).toEqual(new Set(alerts.map(({ alert }) => alert)));
});

it('are in the README, and no others are', () => {
  const readme = readFileSync(join(repository, 'README.md'), 'utf8');
  const [, section = ''] = readme.split('\n### Monitoring\n');
  const named = section.split('\n## ')[0]?.matchAll(/^\| `(Podferry\w+)` \| (critical)?/gm) ?? [];
  const listed = [...named].map(([, name, critical = 'warning']) => `${name} ${critical}`);
  expect(listed.sort()).toEqual(alerts.map(({ alert, labels }) => `${alert} ${labels?.['severity']}`).sort());
});

describe.each(alerts)('$alert', ({ alert, labels, annotations, ...rule }) => {
  it('says how bad it is, what it is and what to do', () => {
    expect(['critical', 'warning']).toContain(labels?.['severity']);
    expect(annotations?.['summary']?.length).toBeLessThan(100);
    expect(annotations?.['description']?.length).toBeGreaterThan(100);
  });

  it('says why it waits as long as it does', () => {
    const [, after = ''] = text.split(`- alert: ${alert}\n`);
    const until = after.slice(0, after.indexOf('labels:'));
    if (rule.for !== undefined || / > \d/.test(until)) expect(until).toContain('#');
  });
});
