/**
 * A Deployment's or StatefulSet's Redis that is to be moved while something fails, under a writer that comes through its Service, and
 * what tells afterwards that it is still the same one, in one place, with all its data.
 */
import { expect } from 'vitest';
import { daemonPid, type Lab, type Place } from '../lab/index.ts';
import { fillRedis, RunningWriter } from '../workloads/redis.ts';
import { Attempt, kubectlMigrate } from '../integration/attempt.ts';
import { type Migrated, otherThan } from '../integration/migrate.ts';
import { repair } from '../integration/outage.ts';
import { Witness } from '../integration/witness.ts';
import { expectNothingLeft } from './leftovers.ts';
import {
  clusterIpOf,
  container,
  deployment,
  execIn,
  type Placed,
  podSpec,
  service,
  thePodOf,
  Workloads,
} from './workload.ts';

const app = 'redis';

export class Subject {
  readonly lab: Lab;
  readonly placed: Placed;
  readonly #workloads: Workloads;
  readonly #writer: RunningWriter;
  readonly #witness: Witness;
  readonly #runId: string;
  readonly #stopped = new Set<number>();

  private constructor(lab: Lab, workloads: Workloads, placed: Placed, writer: RunningWriter, runId: string) {
    this.lab = lab;
    this.placed = placed;
    this.#workloads = workloads;
    this.#writer = writer;
    this.#runId = runId;
    this.#witness = new Witness(lab, 'redis-server');
  }

  static async start(lab: Lab, owned: typeof deployment): Promise<Subject> {
    const workloads = new Workloads(lab);
    await workloads.make(owned(app, podSpec([container('redis')])), service(app, 6379));
    const placed = await thePodOf(lab, app);
    await fillRedis(lab, placed.ip, 10);
    const address = await clusterIpOf(lab, app);
    const writer = await RunningWriter.start(lab, address, { place: otherThan(placed.node), timeoutMs: 300 });
    return new Subject(lab, workloads, placed, writer, await runIdOf(lab, placed.name));
  }

  move(...flags: string[]): Attempt {
    const { name, node } = this.placed;
    return Attempt.start(this.lab, name, { source: node, target: otherThan(node) }, '--reconnect', '1m', ...flags);
  }

  /** Stops a part for a while, as if its machine were busy or its network cut: it goes on afterwards. */
  async suspend(place: Place, daemon: string): Promise<() => void> {
    const pid = await daemonPid(this.lab.layout, this.lab.entrance(place), daemon);
    if (pid === undefined) throw new Error(`${daemon} does not run`);
    process.kill(pid, 'SIGSTOP');
    this.#stopped.add(pid);
    return () => {
      this.#stopped.delete(pid);
      process.kill(pid, 'SIGCONT');
    };
  }

  async ranOnAtSource(): Promise<void> {
    const now = await this.#isTheOne();
    expect(now.uid).toBe(this.placed.uid);
  }

  async movedToTarget(): Promise<void> {
    const now = await this.#isTheOne();
    expect(now.node).toBe(otherThan(this.placed.node));
  }

  /** Either will do, as long as it is one of them, and what was said of it. */
  async isWhere({ migration }: Migrated): Promise<void> {
    if (migration?.phase === 'Succeeded') return await this.movedToTarget();
    expect(migration?.phase).toBe('RolledBack');
    await this.ranOnAtSource();
  }

  /** After any number of moves. */
  async isSomewhere(): Promise<void> {
    await this.#isTheOne();
  }

  /** Moves there and back, again and again, until something else has ended. Answers how each of them ended. */
  async movesUntil(other: Promise<unknown>): Promise<string[]> {
    const phases: string[] = [];
    const over = new AbortController();
    const ended = other.finally(() => over.abort());
    ended.catch(() => {});
    while (!over.signal.aborted) {
      const { name } = await thePodOf(this.lab, app);
      const { migration } = await kubectlMigrate(
        this.lab,
        name,
        '--linger',
        '100ms',
        '--wait',
        'all',
        '--reconnect',
        '1m',
      );
      phases.push(migration?.phase ?? 'Refused');
    }
    await ended;
    return phases;
  }

  async #isTheOne(): Promise<Placed> {
    const now = await thePodOf(this.lab, app);
    expect(now.pod.status?.containerStatuses).toMatchObject([{ restartCount: 0 }]);
    expect(await this.#writer.finish()).toMatchObject({ lost: 0 });
    expect(await runIdOf(this.lab, now.name)).toBe(this.#runId);
    expect(this.#witness.doubles).toEqual([]);
    await expectNothingLeft(this.lab);
    return now;
  }

  /** However far the test came. */
  async end(): Promise<void> {
    this.#witness.close();
    for (const pid of this.#stopped) process.kill(pid, 'SIGCONT');
    await repair(this.lab);
    await this.#writer.finish().catch(() => {});
    await this.#workloads.remove();
    await expectNothingLeft(this.lab);
  }
}

async function runIdOf(lab: Lab, pod: string): Promise<string> {
  const info = await execIn(lab, pod, ['redis-cli', 'info', 'server']);
  return /run_id:\w+/.exec(info)?.[0] ?? '';
}
