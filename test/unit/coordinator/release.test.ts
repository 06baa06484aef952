/** The end of a source on Kubernetes: its object goes out slowly, and quickly when somebody wants what it holds. */
import { CoreV1Api, CustomObjectsApi, type V1Pod } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Kubernetes } from '../../../coordinator/cluster/kubernetes/client.ts';
import { graceOf, isReleased, releaseSource } from '../../../coordinator/cluster/kubernetes/release.ts';
import { whyNodeWanted, whyPodWanted } from '../../../coordinator/cluster/kubernetes/wanted.ts';
import { MigrationRecord } from '../../../coordinator/migration/record.ts';
import type { Course } from '../../../coordinator/migration/steps.ts';
import { makePlan, type Plan, readRequest } from '../../../coordinator/request.ts';
import { unlimitedMs } from '../../../proto/linger.ts';
import { ApiServer, json } from './api-server.ts';

vi.setConfig({ testTimeout: 20_000 });

const never = new AbortController().signal;
const deletedAt = Date.UTC(2030, 0, 1);

function planOf(connection_linger_ms: number, targetName = 'redis-new'): Plan {
  const wish = readRequest({
    pod: { namespace: 'shop', name: 'redis', uid: '' },
    target_node: 'node-b',
    strategy: 'auto',
    transport: 'stream',
    timeout_ms: 0,
    freeze_timeout_ms: 0,
    network: 'translate',
    connection_linger_ms,
    detach: true,
  });
  const targetPod = { namespace: 'shop', name: targetName, uid: '' };
  const route = { sourceNode: 'node-a', targetNode: 'node-b', targetPod };
  return makePlan('mig-1', wish, 'uid-1', route, { network: 'translate', network_reason: '' });
}

/** One that was deleted with so much grace. */
function leaving(seconds: number, status: V1Pod['status'] = {}): V1Pod {
  const deletionTimestamp = new Date(deletedAt + seconds * 1_000);
  const metadata = { uid: 'uid-1', deletionTimestamp, deletionGracePeriodSeconds: seconds };
  return { metadata, spec: { containers: [], terminationGracePeriodSeconds: 30 }, status };
}

const evicted = (at: number) => ({
  conditions: [
    { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', lastTransitionTime: new Date(at) },
  ],
});

describe('the grace period', () => {
  it.each([
    ['covers the connections', 30_000, 60],
    ['covers new connections that are forwarded, too', 0, 32],
    ['is longer than anybody waits where there is no limit', unlimitedMs, 365 * 86_400],
  ])('%s', (_what, connectionLingerMs, seconds) => {
    expect(graceOf(planOf(connectionLingerMs))).toBe(seconds);
  });
});

describe('somebody wants the pod to go', () => {
  it.each<[string, V1Pod | undefined, RegExp | undefined]>([
    ['not as long as nothing has changed', leaving(60), undefined],
    ['not before it was deleted', { metadata: { uid: 'uid-1' } }, undefined],
    ['when it is gone', undefined, /at once/],
    ['when it is to go sooner', leaving(5), /within 5 s/],
    ['when it was evicted', leaving(60, evicted(deletedAt + 3_000)), /evicted/],
    ['not when that was before it moved', leaving(60, evicted(deletedAt - 3_000)), undefined],
  ])('%s', (_what, pod, why) => {
    const now = deletedAt + 20_000;
    if (why === undefined) expect(whyPodWanted(pod, 60, now)).toBeUndefined();
    else expect(whyPodWanted(pod, 60, now)).toMatch(why);
  });

  it('not when its owner has deleted it, with the grace period that it has, until that is nearly over', () => {
    expect(whyPodWanted(leaving(30), 60, deletedAt + 20_000)).toBeUndefined();
    expect(whyPodWanted(leaving(30), 60, deletedAt + 26_000)).toMatch(/own grace period of 30 s/);
  });

  it('or its node', () => {
    expect(whyNodeWanted({ metadata: {} })).toBeUndefined();
    expect(whyNodeWanted({ metadata: { deletionTimestamp: new Date() } })).toMatch(/deleted/);
    expect(whyNodeWanted(undefined)).toMatch(/gone/);
  });
});

describe('the release', () => {
  let server: ApiServer;
  let kubernetes: Kubernetes;
  let pod: V1Pod | undefined;
  /** Of agent and API server, in their order. */
  let done: string[];
  let lingers: (signal: AbortSignal) => Promise<void>;

  beforeEach(async () => {
    server = new ApiServer();
    done = [];
    pod = { metadata: { uid: 'uid-1' } };
    lingers = async () => {};
    server.answer = ({ method, url, body }, response) => {
      if (method === 'GET' && url === '/api/v1/nodes/node-a') return json(response, 200, { metadata: {} });
      if (url?.startsWith('/apis/podferry.dev/')) return json(response, 200, { items: [] });
      if (url !== '/api/v1/namespaces/shop/pods/redis') return json(response, 500, { message: url });
      if (method === 'GET') return pod === undefined ? json(response, 404, {}) : json(response, 200, pod);
      const { gracePeriodSeconds, preconditions } = JSON.parse(body) as Record<string, unknown>;
      done.push(`delete ${JSON.stringify(preconditions)} ${String(gracePeriodSeconds)}`);
      pod = gracePeriodSeconds === 0 ? undefined : leaving(Number(gracePeriodSeconds));
      json(response, 200, {});
    };
    await server.start();
    const config = server.config();
    kubernetes = {
      config,
      core: config.makeApiClient(CoreV1Api),
      custom: config.makeApiClient(CustomObjectsApi),
    } as unknown as Kubernetes;
  });
  afterEach(async () => {
    await server.stop();
  });

  function courseOf(plan: Plan): Course {
    const source = {
      node: 'node-a',
      call: async (name: string) => {
        done.push(name);
        return { step: 'Released' };
      },
      follow: async (name: string, _request: object, _told: unknown, signal: AbortSignal, ms: number) => {
        done.push(`${name} ${ms}`);
        await lingers(signal);
      },
    };
    const { signal } = new AbortController();
    const lingering = { begun: () => done.push('begun'), heard: () => {}, over: () => {}, enough: signal };
    return { plan, source, record: new MigrationRecord(plan), lingering } as unknown as Course;
  }

  const whole = (grace: number, ms: number) => [
    `delete {"uid":"uid-1"} ${grace}`,
    'begun',
    `Linger ${ms}`,
    'ReleaseSource',
    'delete {"uid":"uid-1"} 0',
  ];

  it('lets the object go slowly, waits for the connections, and then kills', async () => {
    const state = await releaseSource(kubernetes, courseOf(planOf(30_000)), never);
    expect(state.step).toBe('Released');
    expect(done).toEqual(whole(60, 40_000));
  });

  it('waits without a deadline where there is no limit', async () => {
    await releaseSource(kubernetes, courseOf(planOf(unlimitedMs)), never);
    expect(done).toEqual(whole(365 * 86_400, Number.POSITIVE_INFINITY));
  });

  it.each<[string, () => void]>([
    ['its pod is to go sooner', () => void (pod = leaving(1))],
    ['its pod is deleted by force', () => void (pod = undefined)],
    ['its pod is evicted', () => void (pod = leaving(60, evicted(deletedAt + 1)))],
  ])('waits no longer when %s', async (_what, happens) => {
    lingers = async (signal) => {
      happens();
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    };
    await releaseSource(kubernetes, courseOf(planOf(30_000)), never);
    expect(done).toEqual(whole(60, 40_000));
  });

  it('leaves everything as it is when its coordinator stops', async () => {
    const stops = new AbortController();
    lingers = async (signal) => {
      stops.abort(new Error('stopped'));
      signal.throwIfAborted();
    };
    await expect(releaseSource(kubernetes, courseOf(planOf(30_000)), stops.signal)).rejects.toThrow('stopped');
    expect(done.at(-1)).toBe('Linger 40000');
  });

  it('is known to have begun by who comes later, when the target may have moved on', async () => {
    const plan = planOf(30_000);
    const isBegun = async (source: V1Pod | undefined, target?: V1Pod, of = plan) =>
      await isReleased(kubernetes, of, source, target, never);
    expect(await isBegun({ metadata: { uid: 'uid-1' } })).toBe(false);
    expect(await isBegun(leaving(30))).toBe(false);
    expect(await isBegun(leaving(60))).toBe(true);
    expect(await isBegun(undefined)).toBe(false);
    // Of one whose name is the target's, its name has been given to that.
    const namesake = planOf(30_000, 'redis');
    expect(await isBegun(undefined, { metadata: {} }, namesake)).toBe(false);
    expect(await isBegun(undefined, undefined, namesake)).toBe(true);
  });
});
