/** Which pod is labelled as the leader, whatever becomes of the API server and of those who led before. */
import { CoreV1Api } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LeaderLabel } from '../../../coordinator/resource/leader-label.ts';
import { FakePods, namespace } from './fake-pods.ts';
import { until } from './until.ts';

const log = pino({ level: 'silent' });
const tries = { pauseMs: 20, lastMs: 200 };
const labels = { 'app.kubernetes.io/name': 'podferry', 'app.kubernetes.io/component': 'coordinator' };
const leads = 'podferry.dev/leads';

let pods: FakePods;
const all: LeaderLabel[] = [];

beforeEach(async () => {
  pods = new FakePods();
  await pods.start();
  for (const name of ['one', 'two']) pods.set(name, { ip: '10.0.0.1', labels });
});

afterEach(async () => {
  await Promise.all(all.splice(0).map(async (label) => await label.close()));
  await pods.stop();
});

function coordinatorIn(pod: string): LeaderLabel {
  const core = pods.server.config().makeApiClient(CoreV1Api);
  const label = new LeaderLabel({ core }, { namespace, pod }, log, tries);
  all.push(label);
  label.start();
  return label;
}

const labelled = () =>
  [...pods.pods.values()]
    .filter(({ metadata }) => metadata.labels[leads] === 'true')
    .map(({ metadata }) => metadata.name);

it('has it from when it leads, and not before, whatever an earlier process has left', async () => {
  pods.set('one', { labels: { [leads]: 'true' } });
  const one = coordinatorIn('one');
  await until('it is taken away', () => labelled().length === 0);
  one.lead();
  await until('it leads', () => labelled().join() === 'one');
  await one.close();
  expect(labelled()).toEqual([]);
});

it('takes it from one that has lost its lead and cannot say so, and from no other pod', async () => {
  pods.set('one', { labels: { [leads]: 'true' } });
  pods.set('stranger', { ip: '10.0.0.1', labels: { ...labels, 'app.kubernetes.io/name': 'other', [leads]: 'true' } });
  coordinatorIn('two').lead();
  await until('it has the label alone', () => labelled().join() === 'two,stranger');
});

it('is tried until it succeeds', async () => {
  await pods.stop();
  coordinatorIn('one').lead();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await pods.start();
  await until('it leads', () => labelled().join() === 'one');
});

it('keeps nobody from ending while nobody answers', async () => {
  const one = coordinatorIn('one');
  one.lead();
  await until('it leads', () => labelled().join() === 'one');
  pods.server.answer = () => {};
  const began = performance.now();
  await one.close();
  expect(performance.now() - began).toBeLessThan(1_000);
});
