/**
 * How long a client of a Service goes without an answer while its Redis moves: live, or as Kubernetes does it (the pod
 * is deleted, its owner makes another one). Turn by turn in one cluster, so that a noisy machine is noisy for both.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1PodSpec } from '@kubernetes/client-node';
import type { Lab } from '../lab/index.ts';
import { runKubectl } from '../lab/kubernetes/kubectl.ts';
import {
  clusterIpOf,
  container,
  deployment,
  podSpec,
  service,
  statefulSet,
  thePodOf,
  Workloads,
} from '../cluster/workload.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { type Migration, otherThan } from '../integration/migrate.ts';
import { RunningWriter } from '../workloads/redis.ts';
import { round, type Summary, summarise } from './quantiles.ts';
import { fill } from './redis.ts';

export const gapWorkloads = ['deployment', 'statefulset'] as const;
export type GapWorkload = (typeof gapWorkloads)[number];
const ways = ['podferry', 'recreate'] as const;
type GapWay = (typeof ways)[number];

export interface GapOptions {
  n: number;
  sizeMb: number;
  workloads: readonly GapWorkload[];
}

export interface GapCell extends Summary {
  bench: 'gap';
  workload: GapWorkload;
  way: GapWay;
  sizeMb: number;
  /** Tries without an answer, at the median. */
  errors: number;
  /** Acknowledged writes that were not there afterwards, in all runs. */
  lost: number;
  /** Of podferry: how long the pod stood still, at the median. */
  freezeMs?: number;
  /** Of podferry, at the median: from the last answer to frozen, frozen, and from running to the next answer. */
  parts?: { forwarding: number; frozen: number; client: number };
}

interface Measured {
  gapMs: number;
  errors: number;
  lost: number;
  freezeMs?: number;
  /** From the freeze to the beginning of the gap, in milliseconds; negative before it. */
  afterFrozenMs?: number;
  timeouts: number;
}

/** What happens before and after the longest gap has to be in the picture too. */
const leadMs = 1_000;
const tailMs = 2_500;
/** A client's patience with one try: an unanswered one hides all that come after it. */
const timeoutMs = 200;

export async function measureGap(lab: Lab, options: GapOptions, say: (line: string) => void): Promise<GapCell[]> {
  const { n, sizeMb } = options;
  const measured = new Map<string, Measured[]>();
  for (const workload of options.workloads) {
    const workloads = new Workloads(lab);
    try {
      await workloads.make(objectOf(workload, podSpec([container('redis')])), service('redis', 6379));
      // A first run of each that does not count: caches, just-in-time compilers.
      for (let run = 0; run <= n; run += 1) {
        for (const way of ways) {
          const result = await once(lab, way, sizeMb);
          if (run > 0) measured.set(`${workload} ${way}`, [...(measured.get(`${workload} ${way}`) ?? []), result]);
          say(`${run}/${n} ${workload} ${way}: ${told(result)}`);
        }
      }
    } finally {
      await workloads.remove();
    }
  }
  return options.workloads.flatMap((workload) =>
    ways.map((way) => cellOf(workload, way, sizeMb, measured.get(`${workload} ${way}`) ?? [])),
  );
}

function objectOf(workload: GapWorkload, spec: V1PodSpec): object {
  switch (workload) {
    case 'deployment':
      return deployment('redis', spec);
    case 'statefulset':
      return statefulSet('redis', spec);
  }
}

async function once(lab: Lab, way: GapWay, sizeMb: number): Promise<Measured> {
  const { name, uid, node, ip } = await thePodOf(lab, 'redis');
  // One that was made again is empty.
  const kept = await lab.run(node, ['redis-cli', '-h', ip, 'dbsize']);
  if (Number(kept.replace(/\D/g, '')) < 1_000) await fill(lab, node, ip, sizeMb);
  const address = await clusterIpOf(lab, 'redis');
  const options = { place: otherThan(node), timeoutMs, prefix: `w${uid}:` };
  const writer = await RunningWriter.start(lab, address, options);
  await sleep(leadMs);
  let moved: Migration | undefined;
  if (way === 'podferry') {
    const { code, migration, stderr } = await kubectlMigrate(lab, name, '--to', otherThan(node));
    if (code !== 0 || migration === undefined) throw new Error(`${name} was not moved: ${stderr}`);
    moved = migration;
  } else {
    await runKubectl(lab, ['delete', 'pod', name, '--wait=false']);
    await thePodOf(lab, 'redis');
  }
  await sleep(tailMs);
  const { maxGapMs, gapBeganUnixMs, retries, lost, timeouts } = await writer.finish();
  const measured = { gapMs: maxGapMs, errors: retries, lost, timeouts };
  if (moved === undefined) return measured;
  const frozenAt = moved.moments['frozen'] ?? Number.NaN;
  return { ...measured, freezeMs: moved.freezeMs, afterFrozenMs: gapBeganUnixMs - frozenAt };
}

function told({ gapMs, freezeMs, afterFrozenMs, timeouts }: Measured): string {
  const gap = `${round(gapMs)} ms without an answer, ${timeouts} timeouts`;
  if (freezeMs === undefined || afterFrozenMs === undefined) return gap;
  return `${gap}; frozen ${round(freezeMs)} ms, the gap begins ${round(afterFrozenMs)} ms after that`;
}

function cellOf(workload: GapWorkload, way: GapWay, sizeMb: number, runs: readonly Measured[]): GapCell {
  const freezes = runs.flatMap(({ freezeMs }) => (freezeMs === undefined ? [] : [freezeMs]));
  return {
    bench: 'gap',
    workload,
    way,
    sizeMb,
    ...summarise(runs.map(({ gapMs }) => gapMs)),
    errors: summarise(runs.map(({ errors }) => errors)).p50,
    lost: runs.reduce((sum, { lost }) => sum + lost, 0),
    ...(freezes.length > 0 && { freezeMs: summarise(freezes).p50, parts: partsOf(runs) }),
  };
}

/** Of the runs whose longest gap is that of the freeze. */
function partsOf(runs: readonly Measured[]): NonNullable<GapCell['parts']> {
  const parts = runs.flatMap(({ gapMs, freezeMs = 0, afterFrozenMs = 0 }) => {
    const isOfFreeze = afterFrozenMs <= 0 && gapMs + afterFrozenMs > 0;
    return isOfFreeze
      ? [{ forwarding: -afterFrozenMs, frozen: freezeMs, client: gapMs + afterFrozenMs - freezeMs }]
      : [];
  });
  const median = (part: 'forwarding' | 'frozen' | 'client') => summarise(parts.map((each) => each[part])).p50;
  return { forwarding: median('forwarding'), frozen: median('frozen'), client: median('client') };
}
