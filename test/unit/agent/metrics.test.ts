/** What an agent says of what is on its node now. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { longestJournalled, longestStill, podsHeld, standing } from '../../../agent/metrics.ts';
import { NodePaths } from '../../../agent/paths.ts';
import { SourceMigration, type SourceRecord } from '../../../agent/source/source.ts';

let paths: NodePaths;
const idle = { ...standing };
beforeEach(() => {
  paths = new NodePaths(mkdtempSync(join(tmpdir(), 'metrics-')));
});
afterEach(() => {
  Object.assign(standing, idle);
  rmSync(paths.state, { recursive: true });
});

const source = (...moments: [name: string, unix_ms: number][]) =>
  new SourceMigration(paths.source('mig-a'), {
    step: 'Committed',
    moments: moments.map(([name, unix_ms]) => ({ name, unix_ms })),
  } as SourceRecord);

it.each([
  { moments: [], since: undefined },
  { moments: [['freezing', 1]], since: undefined },
  { moments: [['frozen', 2]], since: 2 },
  {
    moments: [
      ['frozen', 2],
      ['committed', 3],
    ],
    since: 2,
  },
  {
    moments: [
      ['frozen', 2],
      ['thawed', 3],
    ],
    since: undefined,
  },
  {
    moments: [
      ['frozen', 2],
      ['committed', 3],
      ['killed', 4],
    ],
    since: undefined,
  },
] as { moments: [string, number][]; since: number | undefined }[])(
  'after $moments a pod stands still since $since',
  ({ moments, since }) => {
    expect(source(...moments).stillSince).toBe(since);
  },
);

it('is nothing on a node that nothing happens on', async () => {
  const said = await Promise.all([longestJournalled, longestStill, podsHeld].map(async (metric) => await metric.get()));
  expect(said.flatMap(({ values }) => values.map(({ value }) => value))).toEqual([0, 0, 0, 0]);
});

it('is of the one that is so for longest', async () => {
  const now = Date.now();
  standing.still = () => [now - 5_000, now - 90_000, now - 10_000];
  standing.journalled = (side) => (side === 'target' ? [now - 7_000] : []);
  standing.held = () => 2;
  expect((await longestStill.get()).values[0]?.value).toBeCloseTo(90, 0);
  const { values } = await longestJournalled.get();
  expect(values.map(({ labels, value }) => [labels.side, Math.round(value)])).toEqual([
    ['source', 0],
    ['target', 7],
  ]);
  expect((await podsHeld.get()).values[0]?.value).toBe(2);
});
