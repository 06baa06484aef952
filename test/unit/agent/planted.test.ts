/** Whatever is planted on a node can be undone, by whoever comes, as often as they like. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mountTmpfs } from '../../../agent/journal/mount.ts';
import { type Planted, plant, quote, undoAll, uproot } from '../../../agent/journal/planted.ts';
import { decide, decision, openJournal } from '../../../agent/journal/record.ts';
import { NodePaths, type SidePaths } from '../../../agent/paths.ts';

let directory: string;
let side: SidePaths;
let diary: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "podferry it's planted $(false) "));
  side = new NodePaths(directory).source('m');
  diary = join(directory, 'diary');
  openJournal(side);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Plants something whose undo can be seen. */
function note(what: Planted, which = ''): void {
  plant(side, what, `echo ${quote(`${what}${which}`)} >>${quote(diary)}`, which);
}

const undone = () => (existsSync(diary) ? readFileSync(diary, 'utf8').trim().split('\n') : []);

const kinds = ['staging', 'external-mount', 'frozen-cgroup', 'expedited-rcu', 'forwarding', 'waiting-dump'] as const;

it('is undone in the order in which the pod runs again soonest, and is forgotten then', async () => {
  for (const kind of kinds) note(kind);
  note('frozen-cgroup', '-second');
  await undoAll(side);
  expect(undone().map((each) => each.replace('-second', ''))).toEqual([
    'expedited-rcu',
    'waiting-dump',
    'frozen-cgroup',
    'frozen-cgroup',
    'forwarding',
    'external-mount',
    'staging',
  ]);
  expect(readdirSync(side.planted)).toEqual([]);
  await undoAll(side);
  expect(undone()).toHaveLength(7);
});

it('is not undone after it has gone another way', async () => {
  note('frozen-cgroup', '-one');
  note('frozen-cgroup', '-two');
  uproot(side, 'frozen-cgroup', '-one');
  uproot(side, 'forwarding');
  await undoAll(side);
  expect(undone()).toEqual(['frozen-cgroup-two']);
});

it('is undone past what fails, which is named and stays', async () => {
  note('frozen-cgroup');
  plant(side, 'forwarding', 'echo nft is out of order >&2; exit 3');
  note('staging');
  const failure = await undoAll(side).catch((error: unknown) => error);
  expect(failure).toMatchObject({ reason: 'ReleaseFailed', message: expect.stringContaining('nft is out of order') });
  expect(failure).toMatchObject({ message: expect.stringContaining(side.planted) });
  expect(undone()).toEqual(['frozen-cgroup', 'staging']);
  expect(readdirSync(side.planted)).toEqual(['60-forwarding.uncommitted']);
});

it('has nothing to undo where nothing was ever planted', async () => {
  rmSync(side.directory, { recursive: true });
  await expect(undoAll(side)).resolves.toBeUndefined();
});

it.each(["it's", 'two  words', '$(touch oops)', '`id`', 'a"b', '\\', '*', 'a\nb', '-n', ''])('quotes %j', (word) => {
  expect(execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' })).toBe(word);
});

/** Of the place below. */
function mounts(): number {
  const all = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return all.filter((line) => line.includes('planted') && line.includes('place')).length;
}

it('takes away a file system, however odd its place, however often it was mounted, also one in use', async () => {
  const place = join(directory, "a mount's \\040 place");
  const options = { what: 'staging', bytes: 1 << 20, mode: '0700', reason: 'StagingSpaceMissing' } as const;
  await mountTmpfs(side, place, options);
  await mountTmpfs(side, place, options);
  expect(mounts()).toBe(2);
  const user = spawn('sleep', ['60'], { cwd: place });
  try {
    const [script = ''] = readdirSync(side.planted);
    for (const _ of [1, 2]) execFileSync('sh', [join(side.planted, script)]);
    expect(mounts()).toBe(0);
    await undoAll(side);
  } finally {
    user.kill('SIGKILL');
    await once(user, 'exit');
  }
});

describe('the watchdog', () => {
  const script = join(import.meta.dirname, '../../../agent/source/watchdog.sh');
  const start = (seconds: number) => spawn('/bin/sh', [script, side.directory, String(seconds)], { stdio: 'ignore' });
  const end = async (dog: ReturnType<typeof start>) => {
    if (dog.exitCode === null) await once(dog, 'exit');
  };
  const sleeps = (dog: ReturnType<typeof start>) =>
    readFileSync(`/proc/${dog.pid}/task/${dog.pid}/children`, 'utf8').split(' ').filter(Boolean);

  it('thaws when the time is over and nobody has committed, and nobody can commit any more', async () => {
    for (const kind of kinds) note(kind);
    note('frozen-cgroup', '-two words');
    const dog = start(0.3);
    await sleep(150);
    expect(undone()).toEqual([]);
    await end(dog);
    expect(undone()[0]).toBe('expedited-rcu');
    expect(undone()).toHaveLength(7);
    expect(decide(side, 'commit')).toBe('thaw');
  });

  it('leaves frozen what was committed, and undoes only what must not last', async () => {
    for (const kind of kinds) note(kind);
    decide(side, 'commit');
    await end(start(0.05));
    expect(undone()).toEqual(['expedited-rcu', 'waiting-dump']);
    expect(decision(side)).toBe('commit');
  });

  it('finishes what somebody else had decided to undo and did not live to', async () => {
    note('frozen-cgroup');
    decide(side, 'thaw');
    await end(start(0.05));
    expect(undone()).toEqual(['frozen-cgroup']);
  });

  it('goes on past an undo that fails', async () => {
    plant(side, 'expedited-rcu', 'exit 1');
    note('frozen-cgroup');
    await end(start(0.05));
    expect(undone()).toEqual(['frozen-cgroup']);
  });

  it('has nothing to do when the migration has ended', async () => {
    const dog = start(0.1);
    rmSync(side.directory, { recursive: true });
    await end(dog);
    expect(existsSync(side.directory)).toBe(false);
    mkdirSync(side.directory, { recursive: true });
  });

  it.each([0, 1, 5, 100])('dies of SIGTERM after %i ms, with what it waits in, and undoes nothing', async (ms) => {
    note('frozen-cgroup');
    const seconds = 60 + process.pid / 1e7;
    const dog = start(seconds);
    await sleep(ms);
    const waiting = sleeps(dog);
    dog.kill('SIGTERM');
    await end(dog);
    for (const pid of waiting) expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(execFileSync('sh', ['-c', `pgrep -x -f 'sleep ${seconds}' || true`], { encoding: 'utf8' })).toBe('');
    expect(undone()).toEqual([]);
    expect(decision(side)).toBeUndefined();
  });

  it('outlives the process group of its agent', async () => {
    // as agent/source/arm.ts starts it
    note('frozen-cgroup');
    const agent = spawn(
      process.execPath,
      [
        ...['--input-type=module', '--eval'],
        `import { spawn } from 'node:child_process';
       spawn('/bin/sh', ${JSON.stringify([script, side.directory, '0.3'])}, { stdio: 'ignore', detached: true });
       console.log('started');
       setInterval(() => {}, 1000);`,
      ],
      { detached: true, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(agent.stdout, 'data');
    process.kill(-(agent.pid ?? 0), 'SIGKILL');
    await expect.poll(undone, { timeout: 5_000 }).toEqual(['frozen-cgroup']);
  });
});
