/** Who leads, against a stand-in of an API server that loses, refuses and forgets; see api-server.ts. */
import { CoordinationV1Api, type V1Lease } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Leadership, type Move, moveOf } from '../../../coordinator/resource/leader.ts';
import { ApiServer, json } from './api-server.ts';
import { until } from './until.ts';

const log = pino({ level: 'silent' });
const times = { leaseMs: 1_000, renewDeadlineMs: 600, retryMs: 50 };

it.each<[string, V1Lease | undefined, number, Move]>([
  ['none', undefined, 0, 'make'],
  ['ours', { spec: { holderIdentity: 'me', leaseDurationSeconds: 15 } }, 20_000, 'renew'],
  ['another’s', { spec: { holderIdentity: 'you', leaseDurationSeconds: 15 } }, 14_000, 'wait'],
  ['another’s that is over', { spec: { holderIdentity: 'you', leaseDurationSeconds: 15 } }, 15_001, 'take'],
  ['given back', { spec: { holderIdentity: '', leaseDurationSeconds: 15 } }, 0, 'take'],
  ['empty', {}, 0, 'take'],
])('a lease that is %s', (_what, lease, unchangedMs, move) => {
  expect(moveOf(lease, 'me', unchangedMs)).toBe(move);
});

describe('leaders', () => {
  let server: ApiServer;
  let lease: { metadata: { resourceVersion: string }; spec: { holderIdentity: string } } | undefined;
  const all: Leadership[] = [];

  /** What an API server does about one object: a version that is not the present one is refused. */
  function serve(): void {
    let version = 1;
    server.answer = ({ method, body }, response) => {
      if (method === 'GET') return lease === undefined ? json(response, 404, {}) : json(response, 200, lease);
      const sent = JSON.parse(body) as NonNullable<typeof lease>;
      if (method === 'POST' ? lease !== undefined : sent.metadata.resourceVersion !== lease?.metadata.resourceVersion) {
        return json(response, 409, {});
      }
      version += 1;
      lease = { metadata: { ...sent.metadata, resourceVersion: String(version) }, spec: sent.spec };
      return json(response, 200, lease);
    };
  }

  function candidate(name: string): Leadership {
    const coordination = server.config().makeApiClient(CoordinationV1Api);
    const leadership = new Leadership({ coordination }, 'podferry-system', name, log, times);
    all.push(leadership);
    leadership.start();
    return leadership;
  }

  const refusalOf = (leadership: Leadership) => {
    try {
      leadership.admit();
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };

  beforeEach(async () => {
    server = new ApiServer();
    lease = undefined;
    serve();
    await server.start();
  });

  afterEach(async () => {
    await Promise.all(all.splice(0).map(async (each) => await each.close()));
    await server.stop();
  });

  it('are one of those who begin at once, and the others say who', async () => {
    const three = ['a', 'b', 'c'].map(candidate);
    await Promise.race(three.map(({ won }) => won));
    const [leader, ...rest] = three.filter(({ leading }) => leading);
    expect(rest).toEqual([]);
    leader?.admit();
    for (const other of three.filter((each) => each !== leader)) {
      await until('it has seen the leader', () => refusalOf(other).includes(`${leader?.identity} leads`));
    }
  });

  it('give it back when they close, and the next one has it at once', async () => {
    const first = candidate('a');
    await first.won;
    const second = candidate('b');
    await until('it has seen the first', () => server.requests.length > 6);
    expect(second.leading).toBe(false);
    await first.close();
    const began = performance.now();
    await second.won;
    expect(performance.now() - began).toBeLessThan(times.leaseMs);
    expect(lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('are over before anybody else can begin, when nobody hears them any more', async () => {
    const first = candidate('a');
    await first.won;
    const second = candidate('b');
    await until('it waits', () => server.requests.length > 6);
    const usual = server.answer;
    server.answer = (request, response) => {
      if (request.method !== 'GET' && request.body.includes('"a"')) return void response.destroy();
      return usual(request, response);
    };
    expect(await first.lost).toMatchObject({ reason: 'NodeNotReady', message: expect.stringContaining('renewed') });
    expect(() => first.admit()).toThrow(/does not lead/);
    expect(second.leading).toBe(false);
    await second.won;
  });

  it('are over when somebody else has the lease', async () => {
    const first = candidate('a');
    await first.won;
    if (lease !== undefined)
      lease = { metadata: { ...lease.metadata, resourceVersion: '99' }, spec: { ...lease.spec, holderIdentity: 'z' } };
    expect((await first.lost).message).toContain('z has it');
    expect(() => first.admit()).toThrow('z leads');
  });

  it('outlive an API server that is away for a moment', async () => {
    const first = candidate('a');
    await first.won;
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await server.start();
    const { length } = server.requests;
    await until('it renews', () => server.requests.slice(length).some((request) => request.startsWith('PUT')));
    first.admit();
  });
});
