/** One node at a time, against a stand-in of an API server; see api-server.ts. */
import { CoordinationV1Api } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inTurn } from '../../../agent/install/turn.ts';
import { ApiServer, json } from '../coordinator/api-server.ts';
import { until } from '../coordinator/until.ts';

interface Lease {
  metadata: { resourceVersion: string; annotations?: Record<string, string> };
  spec: { holderIdentity?: string; leaseDurationSeconds?: number };
}

let server: ApiServer;
let lease: Lease | undefined;
let said: string[];

beforeEach(async () => {
  said = [];
  lease = { metadata: { resourceVersion: '1' }, spec: {} };
  server = new ApiServer();
  server.answer = ({ method, body }, response) => {
    if (lease === undefined) return json(response, 404, {});
    if (method === 'GET') return json(response, 200, lease);
    const sent = JSON.parse(body) as Lease;
    if (sent.metadata.resourceVersion !== lease.metadata.resourceVersion) return json(response, 409, {});
    const resourceVersion = String(Number(lease.metadata.resourceVersion) + 1);
    lease = { metadata: { ...sent.metadata, resourceVersion }, spec: sent.spec };
    return json(response, 200, lease);
  };
  await server.start();
});

afterEach(async () => await server.stop());

async function turn<T>(identity: string, work: () => Promise<T>): Promise<T> {
  const coordination = server.config().makeApiClient(CoordinationV1Api);
  const say = (line: string) => void said.push(line);
  const options = {
    namespace: 'podferry-system',
    name: 'podferry-installer',
    identity,
    leaseMs: 1_000,
    retryMs: 20,
    say,
  };
  return await inTurn({ coordination }, options, work);
}

it('lets one work at a time, all of them in the end, and gives the lease back', async () => {
  let working = 0;
  let most = 0;
  const work = async () => {
    working += 1;
    most = Math.max(most, working);
    await new Promise((resolve) => setTimeout(resolve, 100));
    working -= 1;
  };
  await Promise.all(['a', 'b', 'c'].map((name) => turn(name, work)));
  expect(most).toBe(1);
  expect(lease?.spec.holderIdentity).toBe('');
  expect(said.join('\n')).toMatch(/waits for its turn to restart containerd: [abc] has it/);
});

it('leaves to the lease by what helm knows it', async () => {
  const annotations = { 'meta.helm.sh/release-name': 'podferry' };
  lease = { metadata: { resourceVersion: '1', annotations }, spec: {} };
  await turn('a', async () => await Promise.resolve());
  expect(lease).toMatchObject({ metadata: { annotations }, spec: { holderIdentity: '' } });
});

it('is renewed while it works, so that nobody takes it over', async () => {
  let done = false;
  const first = turn('a', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_800));
    done = true;
  });
  await until('it is taken', () => lease?.spec.holderIdentity === 'a');
  await turn('b', async () => expect(done).toBe(true));
  await first;
});

it('takes over from one that is gone', async () => {
  lease = { metadata: { resourceVersion: '1' }, spec: { holderIdentity: 'gone', leaseDurationSeconds: 1 } };
  const began = performance.now();
  await turn('b', async () => {});
  expect(performance.now() - began).toBeGreaterThan(990);
});

it('is given back after a failure', async () => {
  await expect(turn('a', async () => await Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(lease?.spec.holderIdentity).toBe('');
});

it('says what to do when there is none, or it may not', async () => {
  lease = undefined;
  await expect(turn('a', async () => {})).rejects.toThrow(/there is no lease podferry-system\/podferry-installer/);
  server.answer = (_request, response) => json(response, 403, { message: 'node a may not' });
  await expect(turn('a', async () => {})).rejects.toThrow(/403: node a may not/);
});
