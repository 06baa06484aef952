/**
 * A Redis under a writer that is to be moved while something fails, and everything by which to tell afterwards that it
 * is still the same one, that nothing acknowledged was lost, that it never ran twice, and that nothing was left behind.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Lab, lookAtPod, type NodeName, removePod, type RunningPod, runPod } from '../lab/index.ts';
import { difference, type Traces, tracesOf, withMore } from '../lab/traces.ts';
import { contentOf, fillRedis, RunningWriter } from '../workloads/redis.ts';
import { moveUntilArmed, moveWithSlowCriu } from './armed.ts';
import { Attempt, journals, type Route } from './attempt.ts';
import type { Migrated } from './migrate.ts';
import { repair } from './outage.ts';
import { Witness } from './witness.ts';

const name = 'redis';
const ballastMb = 60;
/** Keys that are in Redis' memory only. */
const ballast = 'ballast';

/** What is kept on purpose, for a person to look at. */
export interface Kept {
  source?: RegExp;
  target?: RegExp;
}

export class Subject {
  readonly lab: Lab;
  readonly route: Route;
  readonly pod: RunningPod;
  readonly #writer: RunningWriter;
  readonly #witness: Witness;
  readonly #runId: string;
  readonly #network: string;
  /** Nodes as they are by themselves, and the source with the pod. */
  readonly #bare: Readonly<Record<'source' | 'target', Traces>>;
  readonly #loaded: Traces;
  readonly #attempts: Attempt[] = [];

  private constructor(
    lab: Lab,
    route: Route,
    pod: RunningPod,
    writer: RunningWriter,
    identity: { runId: string; network: string },
    traces: { bare: Record<'source' | 'target', Traces>; loaded: Traces },
  ) {
    this.lab = lab;
    this.route = route;
    this.pod = pod;
    this.#writer = writer;
    this.#runId = identity.runId;
    this.#network = identity.network;
    this.#bare = traces.bare;
    this.#loaded = traces.loaded;
    this.#witness = new Witness(lab, 'redis-server');
  }

  static async start(lab: Lab): Promise<Subject> {
    const route: Route = { source: 'node-a', target: 'node-b' };
    const bare = { source: await tracesOf(lab, route.source), target: await tracesOf(lab, route.target) };
    const pod = await runPod(lab, route.source, { name, image: 'redis', handler: 'podferry' });
    await fillRedis(lab, pod.ip, 5);
    // So much that every moment of the course lasts long enough to be met.
    await redis(lab, route.source, pod.ip, 'debug', 'populate', String(ballastMb * 1024), ballast, '1024');
    await writeFile(
      join(lab.node(route.source).root, `proc/${pod.pid}/root/data/ballast`),
      randomBytes(ballastMb << 20),
    );
    const identity = { runId: await runIdOf(lab, pod.ip), network: await networkIn(lab, route.source, pod) };
    const loaded = await tracesOf(lab, route.source);
    const writer = await RunningWriter.start(lab, pod.ip, { mode: 'each' });
    return new Subject(lab, route, pod, writer, identity, { bare, loaded });
  }

  move(...flags: string[]): Attempt {
    const attempt = Attempt.start(this.lab, name, this.route, ...flags);
    this.#attempts.push(attempt);
    return attempt;
  }

  /**
   * Begins to move it and stops where all is armed for the freeze.
   *
   * @param act what is done there
   */
  async moveUntilArmed(act: (attempt: Attempt) => Promise<void>, ...flags: string[]): Promise<Attempt> {
    return await moveUntilArmed(this.lab, () => this.move(...flags), name, act);
  }

  /** Begins to move it; it is frozen, and its CRIU has been told to dump but does not get to it until it is let go. */
  async moveWithSlowCriu(...flags: string[]): Promise<Attempt> {
    const attempt = await moveWithSlowCriu(this.lab, () => this.move(...flags), name);
    await this.frozen();
    return attempt;
  }

  /** Resolves when the freeze has come. */
  async frozen(): Promise<void> {
    while (!/\) [Dt] /.test(readFileSync(this.#stat, 'utf8'))) await sleep(1);
    while (!(await this.standsStill())) await sleep(1);
  }

  /** Whether it stands still, whoever holds it: frozen it is in state D, as it is while it waits for a disk; held, in t. */
  async standsStill(): Promise<boolean> {
    for (let look = 0; look < 10; look += 1) {
      if (!/\) [Dt] /.test(readFileSync(this.#stat, 'utf8'))) return false;
      await sleep(2);
    }
    return true;
  }

  get #stat(): string {
    return join(this.lab.node(this.route.source).root, `proc/${this.pod.pid}/stat`);
  }

  /**
   * The very same process runs on at the source with all its data, in memory and in its file; nothing of it was ever
   * seen at the target; and no node shows a trace of the attempt.
   *
   * @param longestGapMs how long its writer may have waited for an acknowledgement: a busy machine is slow to start
   *   things, but the watchdog of a freeze would take longer
   */
  async ranOnAtSource({ longestGapMs = 4_000, kept = {} }: { longestGapMs?: number; kept?: Kept } = {}): Promise<void> {
    const { lab, route, pod } = this;
    const summary = await this.#writer.finish();
    expect(summary).toMatchObject({ lost: 0, acked: expect.toSatisfy((acked: number) => acked > 20) });
    expect(summary.maxGapMs).toBeLessThan(longestGapMs);
    expect(await runIdOf(lab, pod.ip)).toBe(this.#runId);
    await this.#dataIsInItsFile(route.source, pod.ip);
    expect([...this.#witness.seenAt]).toEqual([route.source]);
    expect(await networkIn(lab, route.source, pod)).toBe(this.#network);
    await this.#leftNothing(this.#loaded, this.#bare.target, kept);
  }

  /** Waits until neither node has the migration in its journal any more. */
  async clearedWithin(ms: number): Promise<void> {
    const { source, target } = this.route;
    const journalled = () => [
      ...readdirSync(journals(this.lab, source, 'source')),
      ...readdirSync(journals(this.lab, target, 'target')),
    ];
    await expect.poll(journalled, { timeout: ms, interval: 200 }).toEqual([]);
  }

  /** It runs on at the target, with all its data; it never ran twice; nothing is left but the pod. */
  async movedToTarget({ migration }: Migrated): Promise<void> {
    const { targetIp: ip = '', targetSandboxId = '' } = migration ?? {};
    const { lab, route } = this;
    this.#writer.goTo(ip);
    expect(await this.#writer.finish()).toMatchObject({ lost: 0 });
    expect(await runIdOf(lab, ip)).toBe(this.#runId);
    await this.#dataIsInItsFile(route.target, ip);
    expect(this.#witness.doubles).toEqual([]);
    // The runtime knows of it: a process that belongs to nobody would serve as well.
    const { pid } = await lookAtPod(lab, route.target, targetSandboxId);
    expect(readFileSync(join(lab.node(route.target).root, `proc/${pid}/comm`), 'utf8')).toBe('redis-server\n');
    await this.#leftNothing(this.#bare.source, withMore(this.#bare.target, this.#loaded, this.#bare.source));
  }

  /** Its writer connects to where it runs by now. */
  follow(ip: string): void {
    this.#writer.goTo(ip);
  }

  async #leftNothing(source: Traces, target: Traces, kept: Kept = {}): Promise<void> {
    await leftNothing(this.lab, this.route.source, source, kept.source);
    await leftNothing(this.lab, this.route.target, target, kept.target);
  }

  /** Redis reads its append-only file anew: it holds what the memory held. */
  async #dataIsInItsFile(node: NodeName, ip: string): Promise<void> {
    const before = await contentOf(this.lab, ip, ballast);
    expect(await redis(this.lab, node, ip, 'debug', 'loadaof')).toBe('OK');
    expect(await contentOf(this.lab, ip, ballast)).toEqual(before);
  }

  /** Makes everything well again and takes it away, wherever it is by now. */
  async end(): Promise<void> {
    this.#witness.close();
    await repair(this.lab);
    await Promise.all([this.#writer.finish().catch(() => {}), ...this.#attempts.map(({ ended }) => ended)]);
    for (const { name: node } of this.lab.nodes) {
      const pods = await this.lab.run(node, [
        'ctr',
        '-n',
        'k8s.io',
        'containers',
        'ls',
        'labels."io.cri-containerd.kind"==sandbox',
      ]);
      for (const line of pods.split('\n').slice(1)) {
        const [id = ''] = line.split(/\s+/);
        if (id !== '') await removePod(this.lab, node, id);
      }
    }
  }
}

/** What goes by itself may take a moment. */
async function leftNothing(lab: Lab, node: NodeName, expected: Traces, kept = /^$/): Promise<void> {
  const look = async () => {
    const { extra, missing } = difference(await tracesOf(lab, node), expected);
    return { extra: extra.filter((trace) => !kept.test(trace)), missing };
  };
  await expect.poll(look, { timeout: 5_000, interval: 100 }).toEqual({ extra: [], missing: [] });
}

async function runIdOf(lab: Lab, ip: string): Promise<string> {
  const info = await redis(lab, 'node-a', ip, 'info', 'server');
  return /^run_id:(\w+)/m.exec(info)?.[1] ?? info;
}

async function redis(lab: Lab, node: NodeName, ip: string, ...words: string[]): Promise<string> {
  return (await lab.run(node, ['redis-cli', '-h', ip, ...words])).trim();
}

const kernelSwitches = [
  'ipv4/ip_forward',
  'ipv4/conf/all/rp_filter',
  'ipv6/conf/all/forwarding',
  ...['tcp_loose', 'tcp_be_liberal', 'acct', 'timestamp'].map((name) => `netfilter/nf_conntrack_${name}`),
];

/** A pod's kernel switches and devices outlive a migration that forgets them, and no list of rules shows them. */
async function networkIn(lab: Lab, node: NodeName, { pid }: RunningPod): Promise<string> {
  const files = kernelSwitches.map((name) => `/proc/sys/net/${name}`).join(' ');
  const script = `grep -H . ${files} 2>&1; sed 1,2d /proc/net/dev | cut -d: -f1`;
  return await lab.run(node, ['nsenter', `--net=/proc/${pid}/ns/net`, '--', 'sh', '-c', script]);
}
