/** The dashboard and the rules ask for metrics and labels that there are, in words that Prometheus understands. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectDefaultMetrics, register, type Registry } from 'prom-client';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import * as agentMetrics from '../../agent/metrics.ts';
import { Metrics } from '../../coordinator/metrics.ts';
import { Queue } from '../../coordinator/migration/queue.ts';
import { run } from '../lab/command.ts';
import { prometheusPrograms } from '../lab/prometheus-programs.ts';
import { defaultCache } from '../lab/up.ts';
import { queries, readDashboard, rulesFile } from './dashboard.ts';

/** Series → its labels, as agents and coordinators have them. */
const series = new Map<string, Set<string>>();
const add = (name: string, labels: readonly string[]) =>
  series.set(name, new Set([...(series.get(name) ?? []), ...labels]));

expect(agentMetrics).toHaveProperty('phaseDuration');
collectDefaultMetrics();
const coordinator = new Metrics(new Queue({ perNode: 1, total: 1 }), { states: new Map() }, () => false).registry;
for (const registry of [register, coordinator] as Registry[]) {
  for (const metric of registry.getMetricsAsArray()) {
    // The type of the array does not say so, but each of its metrics has them.
    const { labelNames } = metric as unknown as { labelNames: readonly string[] };
    const { name } = metric;
    const isHistogram = metric.constructor.name === 'Histogram';
    if (!isHistogram) add(name, labelNames);
    else for (const part of ['_bucket', '_sum', '_count']) add(`${name}${part}`, [...labelNames, 'le']);
  }
}
/** What Prometheus itself adds, by our PodMonitor. */
const ofTargets = ['job', 'namespace', 'pod', 'container', 'node', 'instance', 'endpoint'];
add('up', []);

const dashboard = readDashboard();
const asked = queries(dashboard);

interface RuleFile {
  groups: { rules: { alert?: string; record?: string; expr: string }[] }[];
}

/** Every name of a series in an expression, with the labels that are asked of it, and those that it is grouped by. */
function partsOf(expr: string): { names: string[]; labels: string[] } {
  const plain = expr.replaceAll(/"[^"]*"/g, '""');
  const names = plain.match(/\b(podferry_\w+|process_\w+|nodejs_\w+|up)\b/g) ?? [];
  const matched = [...plain.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) => inside.match(/\w+(?=[=!])/g) ?? []);
  const grouped = [...plain.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(
    ([, inside = '']) => inside.match(/\w+/g) ?? [],
  );
  return { names, labels: [...matched, ...grouped] };
}

function unknownIn(expr: string): string[] {
  const { names, labels } = partsOf(expr);
  // What a rule has recorded is of the series that the rule asks for.
  if (expr.includes('podferry:migrations_ended:')) names.push('podferry_coordinator_migrations_total');
  const there = new Set([...ofTargets, ...names.flatMap((name) => [...(series.get(name) ?? [])])]);
  return [...names.filter((name) => !series.has(name)), ...labels.filter((label) => !there.has(label))];
}

describe('the dashboard', () => {
  it.each(asked)('$panel: asks for what there is: $expr', ({ expr, legend }) => {
    expect(partsOf(expr).names).not.toEqual([]);
    expect(unknownIn(expr)).toEqual([]);
    const { labels } = partsOf(expr);
    for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
      // What is not grouped keeps all that it has.
      expect(labels.some((each) => each === label) || !/\bby\b/.test(expr)).toBe(true);
    }
  });

  it('would notice one that does not exist', () => {
    expect(unknownIn('sum(podferry_nothing_total)')).toEqual(['podferry_nothing_total']);
    expect(unknownIn('sum by (colour) (podferry_node_info)')).toEqual(['colour']);
    expect(unknownIn('podferry_node_info{colour="red"}')).toEqual(['colour']);
  });

  it('asks in words that Prometheus understands', async () => {
    const { promtool } = await prometheusPrograms(defaultCache(), (line) => console.error(`chart: ${line}`));
    const directory = await mkdtemp(join(tmpdir(), 'podferry-dashboard-'));
    try {
      const file = join(directory, 'rules.yaml');
      const rules = asked.map(({ expr }, index) => ({ record: `query:${index}`, expr }));
      await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
      expect(await run([promtool, 'check', 'rules', file])).toContain(`${asked.length} rules found`);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('asks the source that is chosen, and has a variable for nodes', () => {
    for (const { datasource, targets } of dashboard.panels) {
      for (const { uid } of [datasource, ...targets.map((target) => target.datasource)]) {
        expect(uid).toBe(`\${datasource}`);
      }
    }
    const [source, node] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(node?.definition ?? '') ?? [];
    expect(series.get(metric)).toContain(label);
  });

  it('is one page, on which nothing covers anything, and every panel says what it is', () => {
    const taken = new Set<string>();
    for (const { title, description, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect(x + w).toBeLessThanOrEqual(24);
      expect(y + h).toBeLessThanOrEqual(28);
      expect(`${title}: ${description}`).toMatch(/: .{20,}/);
      for (let column = x; column < x + w; column += 1) {
        for (let row = y; row < y + h; row += 1) {
          expect(taken).not.toContain(`${column},${row}`);
          taken.add(`${column},${row}`);
        }
      }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});

it('the rules ask for what there is', async () => {
  const { groups } = parse(await readFile(rulesFile, 'utf8')) as RuleFile;
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
});
