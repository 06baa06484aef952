/** Parts that end at a moment, and come back. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  daemonPid,
  type Lab,
  type NodeName,
  type ServiceOptions,
  startAgent,
  startCoordinator,
  stopAgent,
  stopCoordinator,
} from '../lab/index.ts';

/** A part that can be signalled without a look at who it is: that was done before, and the moment does not wait. */
export class Part {
  readonly #pid: number;
  readonly #nsenter: number | undefined;
  readonly #gone: () => Promise<unknown>;
  readonly #start: (options: ServiceOptions) => Promise<void>;

  private constructor(
    pid: number,
    nsenter: number | undefined,
    gone: () => Promise<unknown>,
    start: (options: ServiceOptions) => Promise<void>,
  ) {
    this.#pid = pid;
    this.#nsenter = nsenter;
    this.#gone = gone;
    this.#start = start;
  }

  static async agent(lab: Lab, node: NodeName): Promise<Part> {
    const pid = await daemonPid(lab.layout, lab.entrance(node), `${node}.agent`);
    if (pid === undefined) throw new Error(`the agent of ${node} does not run`);
    return new Part(
      pid,
      parentOf(pid),
      () => stopAgent(lab, node, 'SIGKILL'),
      (options) => startAgent(lab, node, options),
    );
  }

  static async coordinator(lab: Lab): Promise<Part> {
    const pid = await daemonPid(lab.layout, lab.entrance('control'), 'coordinator');
    if (pid === undefined) throw new Error('the coordinator does not run');
    return new Part(
      pid,
      undefined,
      () => stopCoordinator(lab, 'SIGKILL'),
      (options) => startCoordinator(lab, options),
    );
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.#pid, name);
    // nsenter stops itself with what it waits for, and does not go on with it.
    if (name === 'SIGCONT' && this.#nsenter !== undefined) process.kill(this.#nsenter, name);
  }

  kill(): void {
    this.signal('SIGKILL');
  }

  /** After its end. */
  async startAgain(options: ServiceOptions = {}): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      await this.#gone();
      try {
        return await this.#start(options);
      } catch (error) {
        // Who holds its lock ends a moment after it.
        if (tries >= 20 || !String(error).includes('running already')) throw error;
        await sleep(25);
      }
    }
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Makes the CRIU of a node wait, as a slow one would. */
export async function holdCriu(lab: Lab, node: NodeName): Promise<void> {
  await lab.run(node, ['pkill', '-STOP', '-x', 'criu']);
}

export async function letCriuGo(lab: Lab, node: NodeName): Promise<void> {
  await lab.run(node, ['pkill', '-CONT', '-x', 'criu']);
}

/** After a test, however far it came: everything is plugged in, nothing is held, and every part runs. */
export async function repair(lab: Lab): Promise<void> {
  for (const place of [...lab.nodeNames, 'control'] as const) await lab.plugIn(place);
  for (const node of lab.nodeNames) await lab.exec(node, ['pkill', '-CONT', '-x', 'criu']);
  // There they run in pods, which others start again.
  if (lab.state.stock) return;
  for (const node of lab.nodeNames) {
    await revive(
      () => Part.agent(lab, node),
      (options) => startAgent(lab, node, options),
    );
  }
  await revive(
    () => Part.coordinator(lab),
    (options) => startCoordinator(lab, options),
  );
}

async function revive(find: () => Promise<Part>, start: (options: ServiceOptions) => Promise<void>): Promise<void> {
  const part = await find().catch(() => undefined);
  if (part === undefined) await start({});
  else part.signal('SIGCONT');
}
