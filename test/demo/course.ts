/** One migration of the demo: what was there before, what its client saw, what is there afterwards. */
import type { Lab, NodeName } from '../lab/index.ts';
import { type Difference, settle, type Traces, withMore } from '../lab/traces.ts';
import { contentOf, type RedisContent, RunningWriter, type WriterSummary } from '../workloads/redis.ts';
import { migrate, type Migration, type Watch } from './kubectl-migrate.ts';
import type { Out } from './out.ts';
import { progress } from './report.ts';

export interface Course {
  source: NodeName;
  target: NodeName;
  transport: string;
  /** Of this migration among all: the keys of its writer have it in their names. */
  number: number;
}

/** What nodes look like by themselves, and with the pod as containerd started it. */
export interface Ordinary {
  without: ReadonlyMap<NodeName, Traces>;
  with: { node: NodeName; traces: Traces };
}

export interface Findings {
  migration: Migration;
  before: RedisContent;
  after: RedisContent;
  writer: WriterSummary;
  /** What nodes have that they should not, or have not, a line each. */
  wrong: string[];
  /** What was looked at, if nothing is wrong. */
  looked: string;
}

export async function move(
  lab: Lab,
  pod: { name: string; ip: string },
  course: Course,
  ordinary: Ordinary,
  watch: Watch,
  out: Out,
  signal: AbortSignal,
): Promise<Findings> {
  const { source, target, transport } = course;
  const before = await contentOf(lab, pod.ip, undefined, signal);
  const prefix = `w${course.number}:`;
  const writer = await RunningWriter.start(lab, pod.ip, { prefix, signal });
  watch.tell = (change) => {
    if (change.pod !== pod.name || change.target !== target || change.phase === 'Succeeded') return;
    if (!out.terminal) out.say(`  ${progress(change)}`);
    // The old address serves a little longer, for clients that hear of the new one later.
    if (change.phase === 'CuttingOver' || change.phase === 'Completing') writer.goTo(change.targetIp);
  };
  const words = [pod.name, '--to', target, '--transport', transport, '--wait', 'all'];
  out.say(`$ kubectl migrate ${words.join(' ')}`);
  const migration = await migrate(lab, words, out.terminal, signal);
  watch.tell = () => {};
  const after = await contentOf(lab, migration.targetIp, prefix, signal);
  const summary = await writer.finish();
  const wrong = [
    ...differences(source, await settle(lab, source, expected(ordinary, source, false), signal)),
    ...differences(target, await settle(lab, target, expected(ordinary, target, true), signal)),
  ];
  const looked = `nothing is left on ${source}, and ${target} has no more than the pod: processes, mounts, rules, files, containers`;
  return { migration, before, after, writer: summary, wrong, looked };
}

function differences(node: string, { extra, missing }: Difference): string[] {
  return [...extra.map((what) => `left on ${node}: ${what}`), ...missing.map((what) => `missing on ${node}: ${what}`)];
}

const nothing: Traces = new Map();

function expected(ordinary: Ordinary, node: NodeName, pod: boolean): Traces {
  const without = ordinary.without.get(node) ?? nothing;
  if (!pod) return without;
  return withMore(without, ordinary.with.traces, ordinary.without.get(ordinary.with.node) ?? nothing);
}
