/** Holds as files: what the wrapper looks at, and what is left for whoever comes later. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NodePaths } from '../../../agent/paths.ts';
import { expire, hold, lift, listHolds, readHold } from '../../../agent/source/hold.ts';
import type { Plan__Output as Plan } from '../../../proto/gen/podferry/v1/Plan.ts';

let paths: NodePaths;
beforeEach(() => {
  paths = new NodePaths(mkdtempSync(join(tmpdir(), 'hold-')));
});
afterEach(() => rmSync(paths.state, { recursive: true }));

const plan = { id: 'mig-a', pod: { namespace: 'default', name: 'redis-0', uid: 'u' } } as Plan;
const held = { plan, objectJson: '{"kind":"Pod"}', containers: ['c1', 'c2'] };
const until = (container: string) => Number(readFileSync(join(paths.state, 'held', container), 'utf8'));

it('names every container, with the second since boot at which it ends', () => {
  const { untilUnixMs } = hold(paths, held, 60_000);
  for (const container of held.containers) {
    expect(until(container)).toBeGreaterThanOrEqual(uptime() + 58);
    expect(until(container)).toBeLessThanOrEqual(uptime() + 61);
  }
  expect(untilUnixMs - Date.now()).toBeGreaterThan(58_000);
  expect(readHold(paths, 'mig-a')).toMatchObject(held);
});

it('is prolonged by holding again', () => {
  hold(paths, held, 1_000);
  const before = until('c1');
  hold(paths, held, 100_000);
  expect(until('c1')).toBeGreaterThan(before + 90);
  expect(listHolds(paths)).toHaveLength(1);
});

it('lets signals through when it has expired, and is remembered', () => {
  const record = hold(paths, held, 60_000);
  expire(paths, record);
  expect(readdirSync(paths.holds)).toEqual(['mig-a.json']);
  expect(listHolds(paths)).toMatchObject([held]);
});

it('leaves nothing when it is lifted, and may be lifted again', () => {
  hold(paths, held, 60_000);
  expect(lift(paths, 'mig-a')).toMatchObject(held);
  expect(readdirSync(paths.holds)).toEqual([]);
  expect(lift(paths, 'mig-a')).toBeUndefined();
  expect(listHolds(paths)).toEqual([]);
});

it.each([0, 7_200_001])('is not for %i ms', (ms) => {
  expect(() => hold(paths, held, ms)).toThrow(/a hold of/);
  expect(listHolds(paths)).toEqual([]);
});

it.each(['../c1', '', 'a b'])('holds no container %j', (id) => {
  expect(() => hold(paths, { ...held, containers: [id] }, 1_000)).toThrow(/is not an id/);
});
