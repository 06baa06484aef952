/** kubectl-migrate: what it prints where, and how it ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { run, start } from './cli-process.ts';
import { type Stage, stage } from './stage.ts';
import { until } from './until.ts';

let set: Stage;
const sets: Stage[] = [];
async function newStage(options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  const one = await stage(options);
  sets.push(one);
  return one;
}
beforeAll(async () => {
  set = await newStage();
});
afterAll(async () => {
  await Promise.all(sets.map((one) => one.close()));
});

/** The pod goes to and fro between tests. */
const elsewhere = () => (set.world.placesOf()[0] === 'node-a' ? 'node-b' : 'node-a');

describe('a move', { timeout: 20_000 }, () => {
  it('in a pipe tells one line a phase, a table, and ends with 0', async () => {
    const to = elsewhere();
    const { code, out, err } = await run(set, 'redis', '--to', to);
    expect(err).toBe('warning: plaintext: nobody checks who you are, nor who answers\n');
    expect(code).toBe(0);
    const lines = out.split('\n');
    const phases = [
      'Pending',
      'Preparing',
      'PreCopying',
      'Freezing',
      'Dumping',
      'Transferring',
      'Restoring',
      'CuttingOver',
      'Completing',
    ];
    const told = lines.flatMap((line) => /^mig-\w+ ([A-Z]\w+) /.exec(line)?.[1] ?? []);
    expect(told).toEqual(phases);
    expect(out).toMatch(/^PHASE +START +TIME$/m);
    expect(out).toMatch(/^total +\d/m);
    expect(lines.at(-2)).toMatch(
      new RegExp(`^mig-\\w+: default/redis node-. → ${to} Succeeded, moved in .*, 3.0 MiB$`),
    );
    expect(out).not.toContain('\u001B');
  });

  it('with -o json prints one object on stdout and nothing else', async () => {
    const to = elsewhere();
    const { code, out } = await run(set, 'pod/redis', '--to', to, '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      namespace: 'default',
      pod: 'redis',
      target: to,
      strategy: 'stop-and-copy',
      transport: 'stream',
      phase: 'Succeeded',
      bytes: 3 << 20,
      phases: { Restoring: expect.any(Number) as number },
      freezeMs: expect.any(Number) as number,
      totalMs: expect.any(Number) as number,
    });
  });

  it('prints yaml, and more with wide', async () => {
    const { out } = await run(set, 'redis', '--to', elsewhere(), '-o', 'yaml');
    expect(parse(out)).toMatchObject({ phase: 'Succeeded' });
    expect((await run(set, 'redis', '--to', elsewhere(), '-o', 'wide')).out).toMatch(/^MOMENT +AT$/m);
  });

  it('that is rolled back ends with 1, and says why and where the pod runs', async () => {
    const one = await newStage();
    one.a.spoil('FreezeAndSend', 'refuse');
    const { code, out, err } = await run(one, 'redis', '--to', 'node-b');
    expect(code).toBe(1);
    expect(out).toMatch(/RolledBack, ended in/);
    expect(err).toMatch(/^error: DumpFailed: .*The pod runs on at node-a$/m);
  });

  it('that fails ends with 3', async () => {
    const one = await newStage();
    one.b.failingRestores = 2;
    const { code, out, err } = await run(one, 'redis', '--to', 'node-b', '-o', 'json');
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ phase: 'Failed', reason: 'RestoreFailed', committed: false });
    expect(err).toContain('error: RestoreFailed: node-b could not restore the pod: CRIU says no');
  });

  it('only prints its id when it is detached, and goes on', async () => {
    const one = await newStage();
    const { code, out } = await run(one, 'redis', '--to', 'node-b', '--detach');
    expect(code).toBe(0);
    expect(out).toMatch(/^mig-[a-z0-9]{8}\n$/);
    const watched = await run(one, 'watch', out.trim());
    expect(watched).toMatchObject({ code: 0 });
    expect(watched.out).toContain('Succeeded');
  });
});

describe('Ctrl-C', { timeout: 20_000 }, () => {
  it('cancels, waits for the roll back and ends with 130', async () => {
    const one = await newStage();
    one.b.delays.set('CreateTargetPod', 300);
    const { child, ended } = start(one, 'redis', '--to', 'node-b');
    await until('it is under way', () => one.b.calls.includes('CreateTargetPod'));
    child.kill('SIGINT');
    const { code, err, out } = await ended;
    expect(code).toBe(130);
    expect(err).toContain('waiting for the roll back');
    expect(out).toContain('RolledBack');
    expect([one.a.sources.size, one.b.targets.size]).toEqual([0, 0]);
  });

  it('comes too late after the commit: it goes on to 0', async () => {
    const one = await newStage();
    one.b.delays.set('Restore', 300);
    const { child, ended } = start(one, 'redis', '--to', 'node-b');
    await until('it is committed', () => one.b.calls.includes('Restore'));
    child.kill('SIGINT');
    const { code, err } = await ended;
    expect(err).toContain('error: TooLate: ');
    expect(code).toBe(0);
  });

  it('leaves when it comes twice', async () => {
    const one = await newStage();
    one.b.delays.set('DiscardTarget', 350);
    one.b.delays.set('CreateTargetPod', 300);
    const { child, ended } = start(one, 'redis', '--to', 'node-b');
    await until('it is under way', () => one.b.calls.includes('CreateTargetPod'));
    child.kill('SIGINT');
    await until('it rolls back', () => one.b.calls.includes('DiscardTarget'));
    child.kill('SIGINT');
    const { code, out } = await ended;
    expect(code).toBe(130);
    expect(out).not.toContain('RolledBack,');
    await until('the roll back goes on without it', () => one.b.targets.size === 0);
  });
});

describe('looking', { timeout: 20_000 }, () => {
  it('a dry run says that it could be done, or every reason why not', async () => {
    const one = await newStage();
    const { code, out } = await run(one, 'redis', '--to', 'node-b', '--dry-run');
    expect([code, out]).toEqual([
      0,
      'default/redis can move: node-a → node-b, stop-and-copy over stream, connections: kept: both nodes can translate. Nothing was touched\n',
    ]);
    one.a.refusals.source = [{ reason: 'TerminalAttached', message: 'has a TTY' }];
    one.b.refusals.target = [{ reason: 'ImageMissing', message: 'no image' }];
    const refused = await run(one, 'redis', '--to', 'node-b', '--dry-run', '-o', 'json');
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.out)).toMatchObject({
      possible: false,
      findings: [{ reason: 'TerminalAttached' }, { reason: 'ImageMissing' }],
    });
    expect(one.a.sources.size + one.b.targets.size).toBe(0);
  });

  it('list, get and nodes', async () => {
    const one = await newStage();
    expect((await run(one, 'list')).out).toBe('no migrations\n');
    await run(one, 'redis', '--to', 'node-b');
    const listed = await run(one, 'list', '-o', 'wide');
    expect(listed.out).toMatch(/^ID +POD +FROM +TO +PHASE +FREEZE +AGE +STRATEGY/);
    const id = /mig-\w+/.exec(listed.out)?.[0] ?? '';
    expect((await run(one, 'get', id)).out).toContain('Succeeded');
    expect(JSON.parse((await run(one, 'list', '-o', 'json')).out)).toMatchObject([{ id, phase: 'Succeeded' }]);
    one.b.stop();
    const nodes = await run(one, 'nodes');
    expect(nodes.out).toMatch(/^node-a +yes/m);
    expect(nodes.out).toMatch(/^node-b +no/m);
    expect(nodes.out).toMatch(/^node-b: NodeNotReady: /m);
  });

  it('cancel waits for the roll back and ends with 0', async () => {
    const one = await newStage({ longestCallMs: 5_000 });
    one.b.delays.set('CreateTargetPod', 2_000);
    const moving = start(one, 'redis', '--to', 'node-b', '-o', 'json');
    await until('it is under way', () => one.b.calls.includes('CreateTargetPod'));
    const id = one.coordinator.migrations.active[0] ?? '';
    const { code, out } = await run(one, 'cancel', id);
    expect(code).toBe(0);
    expect(out).toContain('RolledBack');
    expect(await moving.ended).toMatchObject({ code: 1 });
  });

  it('watch without an id tells of all until it is interrupted', async () => {
    const one = await newStage();
    const { child, ended } = start(one, 'watch', '-o', 'json');
    let out = '';
    child.stdout?.on('data', (data: Buffer) => (out += data.toString()));
    await run(one, 'redis', '--to', 'node-b');
    await until('the end is told', () => out.includes('"phase":"Succeeded"'));
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    for (const line of out.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ pod: 'redis' });
  });
});

it('draws one line over and over on a terminal', { timeout: 20_000 }, async () => {
  const { lineProgress } = await import('../../../coordinator/cli/progress.ts');
  const written: string[] = [];
  const progress = lineProgress(
    { columns: 60, write: (part: string | Uint8Array) => written.push(String(part)) > 0 },
    1_000,
  );
  const one = await newStage();
  await run(one, 'redis', '--to', 'node-b');
  const migration = one.coordinator.migrations.records[0]?.snapshot();
  if (migration === undefined) throw new Error('nothing was recorded');
  progress.show(
    { ...migration, phase: 'PreCopying', bytes_done: '1048576', bytes_total: '4194304', eta_ms: 1_500 },
    '',
  );
  progress.end();
  expect(written[0]).toMatch(/mig-\w+ redis → node-b {2}PreCopying {2}1.0 MiB of 4.0 M/);
  expect(written[0]?.length).toBeLessThan(60 + 5);
  expect(written.at(-1)).toBe('\r\u001B[K');
});
