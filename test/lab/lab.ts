import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type Output, collect } from './command.ts';
import { down } from './down.ts';
import { type Entrance, spawnIn } from './enter.ts';
import { cgroupsFor } from './hold.ts';
import { addressOf, type Layout, layoutOf, type NodeName, type Place, podRangeOf } from './layout.ts';
import { plugIn, unplug } from './network.ts';

/** What `up` writes down for every later command. Pids are the host's. */
export interface LabState {
  name: string;
  cache: string;
  switch: number;
  control: number;
  nodes: Partial<Record<NodeName, number>>;
  kubernetes?: LabKubernetes;
  /** Nodes and cluster are somebody's own: what there is of Podferry came by its chart. */
  stock?: true;
  /** Pods of all nodes are on one link, and can take their addresses along. */
  flat?: true;
}

/** A lab's Kubernetes: which, and where its programs are. */
export interface LabKubernetes {
  version: string;
  programs: string;
  /** The program of its name server. */
  dns: string;
}

export interface LabNode {
  name: NodeName;
  /** Pid 1 of the node. */
  pid: number;
  address: string;
  podRange: string;
  /** The node's root as seen from the host, as long as the node lives. */
  root: string;
  /** containerd's socket as seen from the host. */
  containerd: string;
}

export interface ExecOptions {
  stdin?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

/** A lab that is up, whoever brought it up. */
export class Lab {
  readonly name: string;
  readonly layout: Layout;
  readonly state: LabState;
  readonly nodes: readonly LabNode[];
  readonly control: { pid: number; address: string };
  /** Undefined: kubelets would kill what is made through CRI, so most labs have none. */
  readonly kubernetes: LabKubernetes | undefined;

  constructor(state: LabState) {
    this.name = state.name;
    this.layout = layoutOf(state.name);
    this.state = state;
    this.kubernetes = state.kubernetes;
    this.control = { pid: state.control, address: addressOf('control') };
    this.nodes = Object.entries(state.nodes).map(([name, pid]) => labNode(name as NodeName, pid));
  }

  get nodeNames(): NodeName[] {
    return this.nodes.map((node) => node.name);
  }

  node(name: NodeName): LabNode {
    const found = this.nodes.find((node) => node.name === name);
    if (!found) throw new Error(`lab ${this.name} has no ${name}, only ${this.nodeNames.join(', ')}`);
    return found;
  }

  entrance(place: Place): Entrance {
    const pid = place === 'control' ? this.control.pid : this.node(place).pid;
    return { place, pid, cgroups: cgroupsFor(this.layout, place) };
  }

  /** Starts a program in a place; `kill` of the child reaches the program. */
  spawn(place: Place, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawnIn(this.entrance(place), argv, options);
  }

  /** Runs a program in a place to its end, whatever its exit code. */
  async exec(place: Place, argv: readonly string[], options: ExecOptions = {}): Promise<Output> {
    const { stdin, env, signal } = options;
    signal?.throwIfAborted();
    const child = this.spawn(place, argv, { stdio: 'pipe', ...(env && { env }), ...(signal && { signal }) });
    const output = await collect(child, stdin);
    signal?.throwIfAborted();
    return output;
  }

  /** Takes a place off the network, as a pulled cable would. */
  async unplug(place: Place): Promise<void> {
    await unplug(this.state.switch, place, this.state.flat);
  }

  async plugIn(place: Place): Promise<void> {
    await plugIn(this.state.switch, place, this.state.flat);
  }

  async down(signal?: AbortSignal): Promise<void> {
    await down(this.name, signal);
  }

  /** Like exec, but the program has to succeed; answers its stdout. */
  async run(place: Place, argv: readonly string[], options: ExecOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.exec(place, argv, options);
    if (code !== 0) throw new Error(`${place}: ${argv.join(' ')}: exit ${code}: ${stderr.trim() || stdout.trim()}`);
    return stdout;
  }
}

function labNode(name: NodeName, pid: number): LabNode {
  const root = `/proc/${pid}/root`;
  const containerd = `${root}/run/containerd/containerd.sock`;
  return { name, pid, address: addressOf(name), podRange: podRangeOf(name), root, containerd };
}

/** A lab that some `up` brought up. */
export function open(name = defaultName()): Lab {
  const { stateFile } = layoutOf(name);
  let text: string;
  try {
    text = readFileSync(stateFile, 'utf8');
  } catch (cause) {
    throw new Error(`lab ${name} is not up (no ${stateFile}): npm run lab -- up --name ${name}`, { cause });
  }
  return new Lab(JSON.parse(text) as LabState);
}

export function defaultName(): string {
  return process.env.PODFERRY_LAB ?? 'podferry';
}

export async function writeState(state: LabState): Promise<void> {
  await writeFile(layoutOf(state.name).stateFile, JSON.stringify(state, null, 2));
}
