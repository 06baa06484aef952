/** The chart as Helm renders it. */
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { attempt, type Output, run } from '../lab/command.ts';
import { helmProgram } from '../lab/helm.ts';
import { repository } from '../lab/layout.ts';
import { defaultCache } from '../lab/up.ts';

export const chart = join(repository, 'charts/podferry');
export const namespace = 'ferry';
export const valueFiles = [
  'minimal',
  'cert-manager',
  'nfs',
  'no-installer',
  'host-network',
  'monitoring',
  'k3s',
] as const;
export type ValueFile = (typeof valueFiles)[number];

/** An object of Kubernetes as it stands in YAML: what is looked at is up to each test. */
export interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  // oxlint-disable-next-line typescript/no-explicit-any -- of any kind, and read all over by the tests
  [field: string]: any;
}

export function pathOf(values: ValueFile): string {
  return join(import.meta.dirname, 'values', `${values}.yaml`);
}

export async function helm(): Promise<string> {
  return await helmProgram(defaultCache(), (line) => console.error(`chart: ${line}`));
}

export async function renderAll(program: string): Promise<(values: ValueFile) => Rendered[]> {
  const rendered = new Map<ValueFile, Rendered[]>();
  for (const values of valueFiles) rendered.set(values, await render(program, values));
  return (values) => rendered.get(values) ?? [];
}

export async function render(program: string, values: ValueFile): Promise<Rendered[]> {
  const argv = [program, 'template', 'some', chart, '--namespace', namespace, '--values', pathOf(values)];
  return objectsIn(await run(argv));
}

/** With single values, as they may be wrong. */
export async function tryRender(program: string, ...set: readonly string[]): Promise<Output> {
  const argv = [program, 'template', 'some', chart, '--namespace', namespace];
  return await attempt([...argv, ...set.flatMap((each) => ['--set', each])]);
}

export function objectsIn(text: string): Rendered[] {
  return parseAllDocuments(text)
    .map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return document.toJS() as Rendered | null;
    })
    .filter((object) => object !== null);
}

export function find(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  const [object] = found;
  if (object === undefined || found.length > 1) throw new Error(`there are ${found.length} ${kind} ${name}`);
  return object;
}
