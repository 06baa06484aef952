/** kubectl migrate node/NODE: what leaves, what stays and why, and how it ends. */
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { liveTable } from '../../../coordinator/cli/live-table.ts';
import { run, start } from './cli-process.ts';
import { type Stage, stage } from './stage.ts';
import { until } from './until.ts';

const sets: Stage[] = [];
afterAll(async () => {
  await Promise.all(sets.map((one) => one.close()));
});

/** node-a has Redis and these. */
async function nodeWith(names: readonly string[], options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  const one = await stage(options);
  sets.push(one);
  for (const name of names) one.world.addPod('node-a', name);
  return one;
}

const stays = [
  { reason: 'HostPathVolume' as const, message: 'mounts /srv of its node' },
  { reason: 'TerminalAttached' as const, message: 'has a TTY' },
];

interface Printed {
  schedulable: boolean;
  moved: number;
  stayed: number;
  failed: number;
  pods: { pod: string; target: string; result: string; freezeMs?: number; findings: { reason: string }[] }[];
}

describe('kubectl migrate node/NODE', { timeout: 20_000 }, () => {
  it('moves every pod that runs there, and no other', async () => {
    const one = await nodeWith(['web', 'cache']);
    one.world.addPod('node-b', 'there');
    one.world.addPod('node-a', 'over', { ready: false });
    const { code, out, err } = await run(one, 'node/node-a');
    expect(err).toBe('warning: plaintext: nobody checks who you are, nor who answers\n');
    expect(code).toBe(0);
    for (const name of ['redis', 'web', 'cache', 'there']) expect(one.world.placesOf(name)).toEqual(['node-b']);
    const lines = out.trim().split('\n');
    for (const name of ['redis', 'web', 'cache'])
      expect(lines.slice(0, 3)).toContainEqual(expect.stringMatching(`^default/${name} → node-b Succeeded`));
    expect(lines[3]).toMatch(/^POD +TO +RESULT +FREEZE +REASON$/);
    expect(lines[4]).toMatch(/^default\/cache +node-b +Succeeded +\S+ +-$/);
    expect(lines.at(-1)).toBe('node-a: 3 of 3 pods moved');
    expect(out).not.toContain('over');
    expect(one.world.violations).toEqual([]);
  });

  it('names those that stay with every reason, moves the others, and ends with 1', async () => {
    const one = await nodeWith([]);
    one.world.addPod('node-a', 'stuck', { refusals: stays });
    const { code, out } = await run(one, 'node/node-a');
    expect(code).toBe(1);
    expect(out).toMatch(/^default\/stuck +node-b +Refused +- +HostPathVolume,TerminalAttached$/m);
    expect(out).toMatch(
      /^default\/stuck: HostPathVolume: .*mounts \/srv of its node\ndefault\/stuck: TerminalAttached: /m,
    );
    expect(out).toMatch(/^node-a: 1 of 2 pods moved, 1 stays$/m);
    expect(one.world.placesOf('redis')).toEqual(['node-b']);
    expect(one.world.placesOf('stuck')).toEqual(['node-a']);
  });

  it('prints one object with -o json, and the same in yaml', async () => {
    const one = await nodeWith([]);
    one.world.addPod('node-a', 'stuck', { refusals: stays });
    const { code, out } = await run(one, 'node/node-a', '--to', 'node-b', '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      node: 'node-a',
      moved: 1,
      stayed: 1,
      failed: 0,
      pods: [
        { pod: 'redis', target: 'node-b', result: 'Succeeded', bytes: 3 << 20, findings: [] },
        { pod: 'stuck', result: 'Refused', findings: [{ reason: 'HostPathVolume' }, { reason: 'TerminalAttached' }] },
      ],
    });
    const back = await run(one, 'nodes/node-b', '-o', 'yaml');
    expect(parse(back.out)).toMatchObject({ node: 'node-b', moved: 1, stayed: 0 });
    expect(back.code).toBe(0);
  });

  it('ends with 1 when one is rolled back, and with 3 when one failed', async () => {
    const one = await nodeWith(['web']);
    one.a.spoil('FreezeAndSend', 'refuse');
    const rolledBack = await run(one, 'node/node-a', '-o', 'json');
    expect(rolledBack.code).toBe(1);
    const { pods } = JSON.parse(rolledBack.out) as Printed;
    expect(pods.map(({ result }) => result).sort()).toEqual(['RolledBack', 'Succeeded']);
    expect(pods.flatMap(({ findings }) => findings)).toMatchObject([{ reason: 'DumpFailed' }]);
    one.b.failingRestores = 2;
    const failed = await run(one, 'node/node-a');
    expect(failed.code).toBe(3);
    expect(failed.out).toMatch(/^default\/\w+ +node-b +Failed +\S+ +RestoreFailed$/m);
    expect(failed.out).toMatch(/^node-a: 0 of 1 pod moved, 1 failed$/m);
  });

  it('takes only those of a namespace that is named', async () => {
    const one = await nodeWith([]);
    one.world.addPod('node-a', 'web', { namespace: 'shop' });
    const { code, out } = await run(one, 'node/node-a', '-n', 'default', '-o', 'json');
    expect(code).toBe(0);
    expect((JSON.parse(out) as Printed).pods.map(({ pod }) => pod)).toEqual(['redis']);
    expect(one.world.placesOf('web')).toEqual(['node-a']);
  });

  it('only asks with --dry-run', async () => {
    const one = await nodeWith([]);
    const can = await run(one, 'node/node-a', '--dry-run');
    expect(can.code).toBe(0);
    expect(can.out).toMatch(/^default\/redis +node-b +Possible /m);
    expect(can.out).toMatch(/^node-a: 1 of 1 pod can move\. Nothing was touched$/m);
    one.world.addPod('node-a', 'stuck', { refusals: stays });
    expect((await run(one, 'node/node-a', '--dry-run')).code).toBe(1);
    expect(one.world.placesOf('redis')).toEqual(['node-a']);
    expect(one.coordinator.migrations.records).toEqual([]);
  });

  it('spreads them over the nodes that there are, also while most of them wait', async () => {
    const names = ['one', 'two', 'three'];
    const one = await nodeWith(names, { nodes: ['node-a', 'node-b', 'node-c'], settings: { maxPerNode: 1 } });
    // Long enough that all of them are begun before the first one is over.
    for (const agent of one.agents) agent.delays.set('CreateTargetPod', 400);
    const { code } = await run(one, 'node/node-a');
    expect(code).toBe(0);
    const places = ['redis', ...names].flatMap((name) => one.world.placesOf(name)).sort();
    expect(places).toEqual(['node-b', 'node-b', 'node-c', 'node-c']);
  });

  it('says so when there is nothing', async () => {
    const one = await nodeWith([]);
    const { code, out } = await run(one, 'node/node-b');
    expect([code, out]).toEqual([0, 'node-b has no pods that could move\n']);
  });

  it('Ctrl-C rolls back what is not committed, begins no other, and ends with 130', async () => {
    const one = await nodeWith(['late', 'later'], { settings: { maxPerNode: 1 }, longestCallMs: 5_000 });
    one.b.delays.set('CreateTargetPod', 500);
    const { child, ended } = start(one, 'node/node-a', '-o', 'json');
    await until('one is under way', () => one.b.calls.includes('CreateTargetPod'));
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    expect(code).toBe(130);
    expect(err).toContain('waiting for the roll backs');
    const { pods, moved } = JSON.parse(out) as Printed;
    expect(moved).toBe(0);
    expect(pods).toHaveLength(3);
    for (const { result } of pods) expect(['RolledBack', 'NotStarted']).toContain(result);
    for (const name of ['redis', 'late', 'later']) expect(one.world.placesOf(name)).toEqual(['node-a']);
    expect([one.a.sources.size, one.b.targets.size]).toEqual([0, 0]);
  });

  it.each([
    ['a malformed name', ['node/-x'], /InvalidArgument: node "-x" is not a name/],
    ['a node without an agent', ['node/node-x'], /NodeNotFound: no agent is known for node node-x/],
    ['the node itself', ['node/node-a', '--to', 'node-a'], /InvalidArgument: --to node-a: that is where they are/],
    ['what is for one pod', ['node/node-a', '--detach'], /InvalidArgument: --probe and --detach are for one pod/],
  ])('%s: 2, and nothing is touched', async (_what, args, message) => {
    const one = await nodeWith([]);
    const { code, out, err } = await run(one, ...args);
    expect(err).toMatch(message);
    expect([code, out]).toEqual([2, '']);
    expect(one.world.placesOf('redis')).toEqual(['node-a']);
  });
});

it('a table on a terminal is drawn over itself, and no larger than the terminal', async () => {
  const written: string[] = [];
  const rows = Array.from({ length: 10 }, (_, row) => `row ${row} ${'x'.repeat(40)}`);
  const out = { columns: 20, rows: 6, write: (part: string | Uint8Array) => written.push(String(part)) > 0 };
  const table = liveTable(out, () => rows.join('\n'), 1);
  await until('it is drawn twice', () => written.filter((part) => part.includes('row 0')).length >= 2);
  table.end();
  const [first = '', again = ''] = written;
  expect(first.split('\n')).toEqual([...rows.slice(0, 4).map((row) => row.slice(0, 19)), '… 6 more', '']);
  expect(again).toBe('\x1b[5A\r\x1b[J');
  expect(written.at(-1)).toBe('\x1b[5A\r\x1b[J');
  const before = written.length;
  table.end();
  expect(written.length).toBe(before);
});
