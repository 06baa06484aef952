/** Migrations as a user starts them: the CLI asks the coordinator, and its JSON says what came of it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { toObject } from '../../coordinator/cli/show.ts';
import {
  clientFlags,
  clientIdentity,
  connectCri,
  type Cri,
  type Lab,
  lookAtPod,
  type NodeName,
  type PodSpec,
  removePod,
  type RunningPod,
  runPod,
} from '../lab/index.ts';

const cli = join(import.meta.dirname, '../../coordinator/cli/kubectl-migrate.ts');

/** What `-o json` prints. */
export type Migration = ReturnType<typeof toObject>;

export interface MigrateOptions {
  transport?: 'stream' | 'nfs';
  /** How long connections to the old address are forwarded. Most tests need none of it. */
  linger?: string;
  /** Up to when: that it has moved, or that no connection needs the source any more. */
  wait?: 'moved' | 'all';
  /** Anything else that the CLI takes. */
  flags?: readonly string[];
  signal?: AbortSignal;
}

export interface Migrated {
  code: number;
  /** Undefined when it was refused before it had begun. */
  migration: Migration | undefined;
  stderr: string;
}

/** Runs the CLI to its end, whatever that is. */
export async function migrate(
  lab: Lab,
  pod: string,
  to: NodeName,
  { transport = 'stream', linger = '0s', wait = 'all', flags = [], signal }: MigrateOptions = {},
): Promise<Migrated> {
  const words = [pod, '--to', to, '--transport', transport, '--linger', linger, '--wait', wait, '-o', 'json', ...flags];
  const argv = [process.execPath, cli, ...words, ...clientFlags(lab, clientIdentity)];
  const { code, stdout, stderr } = await lab.exec('control', argv, signal ? { signal } : {});
  return { code, migration: stdout.trim() === '' ? undefined : (JSON.parse(stdout) as Migration), stderr };
}

/** A pod, and the node where it runs. */
export interface Placed extends RunningPod {
  name: string;
  node: NodeName;
}

export interface Moved extends Placed {
  migration: Migration;
}

export const otherThan = (node: NodeName): NodeName => (node === 'node-a' ? 'node-b' : 'node-a');

/** Moves a pod to the other node. @throws with what the CLI said, unless that is Succeeded */
export async function move(lab: Lab, pod: Placed, options: MigrateOptions = {}): Promise<Moved> {
  const node = otherThan(pod.node);
  const { code, migration, stderr } = await migrate(lab, pod.name, node, options);
  const done = options.wait === 'moved' ? ['Completing', 'Succeeded'] : ['Succeeded'];
  if (code !== 0 || migration === undefined || !done.includes(migration.phase)) {
    const why = migration === undefined ? '' : ` ${migration.phase}: ${migration.message ?? ''}`;
    throw new Error(`${pod.name} ${pod.node} → ${node}: exit ${code}${why}\n${stderr.trim()}`);
  }
  return { name: pod.name, node, migration, ...(await lookAtPod(lab, node, migration.targetSandboxId)) };
}

/** The pods of a test file, so that none stays behind, wherever it has gone. */
export class Pods {
  readonly #lab: Lab;
  readonly #names = new Set<string>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** Starts a pod of our handler, on node-a unless asked otherwise. */
  async run(spec: Omit<PodSpec, 'handler'>, node: NodeName = 'node-a'): Promise<Placed> {
    this.#names.add(spec.name);
    return { name: spec.name, node, ...(await runPod(this.#lab, node, { handler: 'podferry', ...spec })) };
  }

  /** Removes them all, in whatever state. */
  async remove(): Promise<void> {
    for (const node of this.#lab.nodeNames) {
      for (const id of await this.#sandboxesOn(node)) await removePod(this.#lab, node, id);
    }
    this.#names.clear();
  }

  async #sandboxesOn(node: NodeName): Promise<string[]> {
    const { items } = await withCri(this.#lab, node, async (cri) => await cri.listPodSandbox({}));
    return items.filter(({ metadata }) => this.#names.has(metadata?.name ?? '')).map(({ id }) => id);
  }
}

/** Runs a program in a container through its shim, as kubectl exec does in the end. @returns its stdout */
export async function execIn(lab: Lab, { node, containerId }: Placed, argv: readonly string[]): Promise<string> {
  const ctr = ['ctr', '-n', 'k8s.io', 'tasks', 'exec', '--exec-id', randomUUID(), containerId];
  return await lab.run(node, [...ctr, ...argv]);
}

/** Asks a node's containerd as kubelet would. */
export async function withCri<T>(lab: Lab, node: NodeName, ask: (cri: Cri) => Promise<T>): Promise<T> {
  const cri = connectCri(lab.node(node).containerd);
  try {
    return await ask(cri);
  } finally {
    cri.close();
  }
}
