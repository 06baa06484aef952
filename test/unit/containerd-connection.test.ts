/**
 * The edge to containerd against a server that does what a containerd can be made to do only with difficulty.
 * What containerd really answers is tested with a real one: test/integration/containerd.test.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../agent/runtime/containerd.ts';
import type { ContainerRuntime } from '../../agent/runtime/runtime.ts';
import { RuntimeError } from '../../agent/runtime/runtime-error.ts';
import { load } from '../../proto/load.ts';

const id = 'c0ffee'.padEnd(64, '0');

type Answer = (call: ServerUnaryCall<unknown, unknown>) => unknown;

let directory: string;
let socketPath: string;
let runtime: ContainerRuntime;
const servers: Server[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podferry-'));
  socketPath = join(directory, 'containerd.sock');
  runtime = connect(socketPath);
});

afterEach(() => {
  runtime.close();
  for (const server of servers.splice(0)) server.forceShutdown();
  rmSync(directory, { recursive: true });
});

/** Serves the methods given; every other one is UNIMPLEMENTED. An answer of undefined never comes. */
async function serve(answers: Record<string, Answer>): Promise<Server> {
  const implementation: UntypedServiceImplementation = {};
  for (const [name, answer] of Object.entries(answers)) {
    const handle: handleUnaryCall<unknown, unknown> = (call, callback) => {
      try {
        const response = answer(call);
        if (response !== undefined) callback(null, response);
      } catch (error) {
        callback(error as Error);
      }
    };
    implementation[name] = handle;
  }
  const server = new Server();
  server.addService(load('cri/api.proto').runtime.v1.RuntimeService.service, implementation);
  server.addService(load('containerd/tasks.proto').containerd.services.tasks.v1.Tasks.service, implementation);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  servers.push(server);
  return server;
}

function refuse(code: status, details: string): never {
  throw Object.assign(new Error(details), { code, details });
}

async function failure(call: Promise<unknown>): Promise<RuntimeError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RuntimeError);
  return error as RuntimeError;
}

it('says what was tried, on what, and what helps', async () => {
  await serve({
    RunPodSandbox: () =>
      refuse(status.UNKNOWN, 'failed to get sandbox runtime: no runtime for "podferry" is configured'),
  });
  const config = { metadata: { namespace: 'shop', name: 'cart' } } as Parameters<ContainerRuntime['runPod']>[0];
  const error = await failure(runtime.runPod(config, 'podferry'));
  expect(error).toMatchObject({ code: 'UNKNOWN', operation: 'RunPodSandbox', subject: 'shop/cart' });
  expect(error.message).toMatch(/^UNKNOWN: RunPodSandbox shop\/cart: .*no runtime for.*; the runtime handler is not/);
  expect(error.cause).toMatchObject({ code: status.UNKNOWN });
});

it('bounds a call that is not answered', async () => {
  let cancelled = false;
  await serve({ StartContainer: (call) => void call.on('cancelled', () => (cancelled = true)) });
  const error = await failure(runtime.startContainer(id, 200));
  expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', operation: 'StartContainer', subject: id });
  await expect.poll(() => cancelled).toBe(true);
});

it('bounds a call to a containerd that is not there, and names the socket', async () => {
  const error = await failure(runtime.startContainer(id, 300));
  expect(error.code).toBe('UNAVAILABLE');
  expect(error.message).toContain(socketPath);
});

it("ends a call with the signal's reason, at both sides", async () => {
  let cancelled = false;
  await serve({ StartContainer: (call) => void call.on('cancelled', () => (cancelled = true)) });
  const abort = new AbortController();
  const reason = new Error('the migration was cancelled');
  const call = runtime.startContainer(id, 10_000, abort.signal);
  setTimeout(() => abort.abort(reason), 50);
  await expect(call).rejects.toBe(reason);
  await expect.poll(() => cancelled).toBe(true);
  await expect(runtime.listPods(abort.signal)).rejects.toBe(reason);
});

it('finds a containerd that comes late, and one that was restarted', async () => {
  const early = runtime.listPods();
  await sleep(150);
  const first = await serve({ ListPodSandbox: () => ({ items: [] }) });
  expect(await early).toEqual([]);

  first.forceShutdown();
  const between = runtime.listPods();
  await sleep(300);
  await serve({ ListPodSandbox: () => ({ items: [] }) });
  expect(await between).toEqual([]);
});

it('looks up again what a lost connection left open, but does not start a container twice', async () => {
  let lists = 0;
  let starts = 0;
  await serve({
    ListPodSandbox: () => (++lists < 3 ? refuse(status.UNAVAILABLE, 'connection reset') : { items: [] }),
    StartContainer: () => {
      starts++;
      return refuse(status.UNAVAILABLE, 'connection reset');
    },
  });
  expect(await runtime.listPods()).toEqual([]);
  expect((await failure(runtime.startContainer(id, 2000))).code).toBe('UNAVAILABLE');
  expect({ lists, starts }).toEqual({ lists: 3, starts: 1 });
});

it('waits for a containerd that is starting, with every call', async () => {
  let starts = 0;
  await serve({
    StartContainer: () => (++starts < 3 ? refuse(status.UNAVAILABLE, 'server is not initialized yet') : {}),
  });
  await runtime.startContainer(id, 5000);
  expect(starts).toBe(3);
});

it("sends the namespace to containerd's own services only", async () => {
  const namespaces: unknown[] = [];
  const note: Answer = ({ metadata }) => {
    namespaces.push(metadata.get('containerd-namespace'));
    return {};
  };
  await serve({ List: note, ListPodSandbox: note });
  await runtime.listTasks();
  await runtime.listPods();
  expect(namespaces).toEqual([['k8s.io'], []]);
});

it.each(['', 'c0ffee', `${id}0`, `${id.slice(1)}/`])('refuses %j for an id before anything is sent', async (bad) => {
  const calls = [
    runtime.podStatus(bad),
    runtime.stopPod(bad),
    runtime.removePod(bad),
    runtime.listContainers(bad),
    runtime.containerStatus(bad),
    runtime.startContainer(bad, 100),
    runtime.stopContainer(bad, 0),
    runtime.removeContainer(bad),
    runtime.rootfsMount(bad),
    runtime.task(bad),
    runtime.killTask(bad, 9, true),
  ];
  for (const call of calls) expect((await failure(call)).code).toBe('INVALID_ARGUMENT');
});

it('takes an absent task for an answer', async () => {
  await serve({
    Get: () => refuse(status.NOT_FOUND, 'no running task found'),
    Delete: () => refuse(status.NOT_FOUND, 'no running task found'),
    Pause: () => refuse(status.NOT_FOUND, 'no running task found'),
  });
  expect(await runtime.task(id)).toBeUndefined();
  await runtime.deleteTask(id);
  expect((await failure(runtime.pauseTask(id))).code).toBe('NOT_FOUND');
});

it('takes the limits in force for those asked for', async () => {
  const asked = {
    cpu_quota: 50_000,
    memory_limit_in_bytes: 1 << 20,
    hugepage_limits: [{ page_size: '2MB', limit: 4 }],
  };
  await serve({
    ContainerStatus: () => ({
      status: {
        id,
        metadata: { name: 'cart' },
        created_at: '1',
        resources: { linux: { cpu_quota: '70000', memory_limit_in_bytes: '2097152' } },
      },
      info: { info: JSON.stringify({ config: { linux: { resources: asked } } }) },
    }),
  });
  const { config } = await runtime.containerStatus(id);
  expect(config.linux?.resources).toMatchObject({
    cpu_quota: '70000',
    memory_limit_in_bytes: '2097152',
    hugepage_limits: [{ page_size: '2MB', limit: '4' }],
  });
});

it.each([
  ['no JSON', {}, 'Unexpected end of JSON input'],
  ['an unknown field', { info: '{"config": {"invented": 1}}' }, 'PodSandboxConfig.invented'],
])('refuses a status with %s', async (_what, info, words) => {
  const status = { id, metadata: { name: 'cart' }, created_at: '1' };
  await serve({ PodSandboxStatus: () => ({ status, info }) });
  const error = await failure(runtime.podStatus(id));
  expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', operation: 'PodSandboxStatus', subject: id });
  expect(error.message).toContain(words);
});
