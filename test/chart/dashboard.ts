/** The dashboard that the chart brings, and what it asks Prometheus. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chart } from './rendered.ts';

export interface Panel {
  id: number;
  title: string;
  description: string;
  datasource: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets: readonly { refId: string; expr: string; legendFormat: string; datasource: { uid: string } }[];
}

export interface Dashboard {
  uid: string;
  schemaVersion: number;
  templating: { list: readonly { name: string; type: string; definition?: string }[] };
  panels: readonly Panel[];
}

export const dashboardFile = join(chart, 'files/monitoring/dashboard.json');
export const rulesFile = join(chart, 'files/monitoring/rules.yaml');

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(dashboardFile, 'utf8')) as Dashboard;
}

export interface Query {
  panel: string;
  expr: string;
  legend: string;
}

/** As Grafana would ask them, with all nodes chosen. */
export function queries(dashboard: Dashboard): Query[] {
  return dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => ({
      panel: title,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$node', '.*'),
      legend: legendFormat,
    })),
  );
}
