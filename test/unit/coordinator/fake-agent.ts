/** An agent of the pretended world (see fake-world.ts), served by a real grpc server that can be killed. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import { Fault, type Reason, toStatus } from '../../../proto/fault.ts';
import type { AgentHandlers } from '../../../proto/gen/podferry/v1/Agent.ts';
import type { Connections } from '../../../proto/gen/podferry/v1/Connections.ts';
import type { Finding } from '../../../proto/gen/podferry/v1/Finding.ts';
import type { Progress } from '../../../proto/gen/podferry/v1/Progress.ts';
import { load } from '../../../proto/load.ts';
import { protocolOf } from './fake-protocol.ts';
import type { SourceEntry, TargetEntry, World } from './fake-world.ts';

export type CallName = Extract<keyof AgentHandlers, string>;

/**
 * How a call goes wrong. `Before`: nothing was done; `After`: all of it was done, and nobody heard of it. Who dies comes
 * back, who vanishes does not.
 */
export const mishaps = [
  'refuse',
  'refuseAfter',
  'loseRequest',
  'loseReply',
  'hangBefore',
  'hangAfter',
  'dieBefore',
  'dieAfter',
  'vanishBefore',
  'vanishAfter',
] as const;
export type Mishap = (typeof mishaps)[number];

type Cancellable = Pick<ServerUnaryCall<unknown, unknown>, 'cancelled'>;

interface Rule {
  mishap: Mishap;
  times: number;
}

/** A dead agent is back after this long, unless it has vanished. */
const restartMs = 150;

export class FakeAgent {
  readonly node: string;
  readonly world: World;
  readonly sources = new Map<string, SourceEntry>();
  readonly targets = new Map<string, TargetEntry>();
  /** Every call that came in, in order. */
  readonly calls: string[] = [];
  readonly problems: Finding[] = [];
  cpuFlags: string[] = [];
  networkFeatures: string[] = ['translate', 'hold'];
  /** Until no connection needs its source any more. */
  lingers: (tell: (connections: Connections) => void) => Promise<void> = async () => {};
  /** Until the target of a migration has the last page. */
  sendsMemory: (migration: string) => Promise<void> = async () => {};
  refusals: { source: Finding[]; target: Finding[] } = { source: [], target: [] };
  /** Restores that fail although all went well until then. */
  failingRestores = 0;
  /** Before an answer, in milliseconds. */
  delays = new Map<string, number>();
  /** Told of each call before anything is done, and when all of it is done but not answered. */
  onCall: (name: string) => void | Promise<void> = () => {};
  onDone: (name: string) => void | Promise<void> = () => {};
  /** One that a test moves is somewhere else when it is started again. */
  host = '127.0.0.1';
  port = 0;
  readonly #credentials: ServerCredentials;
  readonly #rules = new Map<string, Rule>();
  #server: Server | undefined;

  constructor(node: string, world: World, credentials = ServerCredentials.createInsecure()) {
    this.node = node;
    this.world = world;
    this.#credentials = credentials;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** True from the call at which it vanished until somebody starts it again. */
  vanished = false;

  /** Lets a call go wrong, so many times. */
  spoil(call: CallName, mishap: Mishap, times = 1): void {
    this.#rules.set(call, { mishap, times });
  }

  async start(): Promise<void> {
    this.vanished = false;
    if (this.port === 0) this.port = await freePort();
    // What an agent that starts does: whatever was not committed runs again.
    for (const [id, { plan, step, watchdog }] of this.sources) {
      if (step === 'Committed' || step === 'Released') continue;
      clearTimeout(watchdog);
      if (step === 'Frozen' || step === 'Sent') this.world.thaw(plan);
      this.sources.delete(id);
    }
    const server = new Server();
    server.addService(load('agent.proto').podferry.v1.Agent.service, this.#handlers());
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(this.address, this.#credentials, (error) => (error === null ? resolve() : reject(error)));
    });
    this.#server = server;
  }

  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  /** The machine is still there, its journal too; the process is not. */
  async restart(afterMs = restartMs): Promise<void> {
    this.stop();
    await sleep(afterMs);
    await this.start();
  }

  close(): void {
    this.stop();
    for (const { watchdog } of this.sources.values()) clearTimeout(watchdog);
  }

  #handlers(): AgentHandlers {
    const unary =
      (name: string, answer: (request: never) => unknown) =>
      (call: ServerUnaryCall<unknown, unknown>, done: sendUnaryData<unknown>) =>
        void this.#answer(call, name, () => answer(call.request as never), done);
    const streaming =
      (name: string, answer: (request: never, tell: (progress: Progress) => void) => unknown) =>
      (call: ServerWritableStream<unknown, Progress>) => {
        const done: sendUnaryData<unknown> = (error, state) => {
          if (error !== null && error !== undefined) return void call.emit('error', error);
          call.write({ state: state as NonNullable<Progress['state']> });
          call.end();
        };
        void this.#answer(call, name, () => answer(call.request as never, (progress) => call.write(progress)), done);
      };
    const protocol = protocolOf(this);
    // One implementation a call; grpc-js wants them under the service's own names.
    const all = Object.entries(protocol).map(([name, answer]) => [
      name,
      ['CopyAhead', 'FreezeAndSend', 'Follow', 'Linger'].includes(name)
        ? streaming(name, answer as never)
        : unary(name, answer as never),
    ]);
    return Object.fromEntries(all) as AgentHandlers;
  }

  async #answer(call: Cancellable, name: string, answer: () => unknown, done: sendUnaryData<unknown>): Promise<void> {
    try {
      await this.#serve(call, name, answer, done);
    } catch (error) {
      done(toStatus(error));
    }
  }

  async #serve(call: Cancellable, name: string, answer: () => unknown, done: sendUnaryData<unknown>): Promise<void> {
    this.calls.push(name);
    await this.onCall(name);
    // What is asked for after it (a roll back) is not to be overtaken by what nobody waits for any more.
    if (call.cancelled) return;
    const mishap = this.#mishap(name);
    const lost = () => done({ code: status.UNAVAILABLE, details: 'Connection dropped' });
    if (mishap === 'refuse') throw new Fault(reasonOf(name), `${name} was told to fail`);
    if (mishap === 'loseRequest') return lost();
    if (mishap === 'hangBefore') return;
    if (mishap === 'dieBefore') return void this.restart();
    if (mishap === 'vanishBefore') return this.#vanish();
    const result = await answer();
    await this.onDone(name);
    const delay = this.delays.get(name);
    if (delay !== undefined) await sleep(delay);
    if (mishap === 'refuseAfter') throw new Fault(reasonOf(name), `${name} was told to fail when it was done`);
    if (mishap === 'loseReply') return lost();
    if (mishap === 'hangAfter') return;
    if (mishap === 'dieAfter') return void this.restart();
    if (mishap === 'vanishAfter') return this.#vanish();
    done(null, result);
  }

  #vanish(): void {
    this.stop();
    this.vanished = true;
  }

  #mishap(name: string): Mishap | undefined {
    const rule = this.#rules.get(name);
    if (rule === undefined || rule.times === 0) return undefined;
    rule.times -= 1;
    return rule.mishap;
  }
}

const reasons: Record<string, Reason> = {
  PrepareTarget: 'StagingSpaceMissing',
  CreateTargetPod: 'TargetPrepareFailed',
  CopyAhead: 'CopyFailed',
  FreezeAndSend: 'DumpFailed',
  Commit: 'CommitFailed',
  Restore: 'RestoreFailed',
};

function reasonOf(name: string): Reason {
  return reasons[name] ?? 'Internal';
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  server.close();
  await once(server, 'close');
  return address.port;
}
