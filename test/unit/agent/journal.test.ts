/** What an agent writes down is whole or not there, and what is decided is decided once, whoever decides. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepLogsOfSuccess } from '../../../agent/journal/keep.ts';
import { appearedOneOf } from '../../../agent/journal/appeared.ts';
import {
  closeJournal,
  decide,
  decision,
  listJournals,
  openJournal,
  readRecord,
} from '../../../agent/journal/record.ts';
import { NodePaths } from '../../../agent/paths.ts';

let directory: string;
let paths: NodePaths;
const racers: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podferry-journal-'));
  paths = new NodePaths(directory);
});

afterEach(() => {
  for (const racer of racers.splice(0)) racer.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

function race(...words: string[]): AsyncIterator<string> {
  const racer = spawn(process.execPath, [join(import.meta.dirname, 'racer.ts'), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  racers.push(racer);
  return createInterface(racer.stdout)[Symbol.asyncIterator]();
}

it('has a whole record at any time, in the middle of writing and after a kill', async () => {
  const side = paths.source('m');
  openJournal(side);
  race('record', side.directory);
  await appearedOneOf([side.record], AbortSignal.timeout(5_000));
  const sizes = new Set<number>();
  const look = () => {
    const record = readRecord<{ size: number; text: string }>(side);
    expect(record?.text.length).toBe(record?.size);
    sizes.add(record?.size ?? 0);
  };
  for (let looks = 0; sizes.size < 50 && looks < 20_000; looks += 1) look();
  expect(sizes.size).toBe(50);
  const [racer] = racers;
  racer?.kill('SIGKILL');
  if (racer !== undefined) await once(racer, 'exit');
  look();
});

it('is decided once when two processes decide at the same time', { timeout: 30_000 }, async () => {
  const words = ['commit', 'thaw'];
  const winners = new Set<string | undefined>();
  // until either has won something: else they may not have raced at all
  for (let heat = 0; winners.size < 2 && heat < 10; heat += 1) {
    const sides = Array.from({ length: 500 }, (_, at) => paths.source(`m-${heat}-${at}`));
    for (const side of sides) openJournal(side);
    const answers = words.map((word) => race('decide', word, ...sides.map((side) => side.directory)));
    for (const answer of answers) expect((await answer.next()).value).toBe('ready');
    writeFileSync(join(sides.at(-1)?.directory ?? '', 'go'), '');
    const decided = await Promise.all(answers.map(async (answer) => String((await answer.next()).value).split(' ')));
    expect(decided[0]).toEqual(decided[1]);
    expect(decided[0]).toEqual(sides.map((side) => decision(side)));
    for (const word of decided[0] ?? []) winners.add(word);
  }
  expect(winners).toEqual(new Set(words));
});

it('keeps to what was decided, and knows when nothing was', () => {
  const side = paths.target('m');
  openJournal(side);
  expect(decision(side)).toBeUndefined();
  expect(decide(side, 'go')).toBe('go');
  expect(decide(side, 'abort')).toBe('go');
  expect(decide(side, 'go')).toBe('go');
});

it('tells a migration without a record from none at all, and forgets one whole', () => {
  expect(listJournals(paths.sources)).toEqual([]);
  const side = paths.source('begun');
  openJournal(side);
  expect(listJournals(paths.sources)).toEqual(['begun']);
  expect(readRecord(side)).toBeUndefined();
  mkdirSync(join(side.staging, 'deep'), { recursive: true });
  closeJournal(side);
  closeJournal(side);
  expect(readdirSync(paths.sources)).toEqual([]);
});

it('leaves out what is no migration of ours', () => {
  openJournal(paths.source('ours'));
  writeFileSync(join(paths.sources, '.nfs0001'), '');
  mkdirSync(join(paths.sources, 'lost+found'));
  expect(listJournals(paths.sources)).toEqual(['ours']);
});

it('sees a file that is there, that comes later, and the first of several; and gives up when told', async () => {
  const [one, two] = [join(directory, 'one'), join(directory, 'two')];
  const later = appearedOneOf([one, two], AbortSignal.timeout(5_000));
  writeFileSync(join(directory, 'else'), '');
  writeFileSync(two, '');
  await expect(later).resolves.toBe(two);
  await expect(appearedOneOf([two], AbortSignal.timeout(5_000))).resolves.toBe(two);
  const controller = new AbortController();
  const never = appearedOneOf([one], controller.signal);
  controller.abort(new Error('enough'));
  await expect(never).rejects.toThrow('enough');
  expect(existsSync(one)).toBe(false);
});

it('keeps the logs of the newest that went well, with when they began, where it is asked to', () => {
  const kept = { directory: paths.allLogs, most: 2 };
  const leave = (id: string, most: number) => {
    const container = paths.source(id).container('redis');
    mkdirSync(container.work, { recursive: true });
    writeFileSync(join(container.work, 'dump.log'), `(00.000001) ${id}`);
    writeFileSync(join(container.work, 'something-else'), '');
    keepLogsOfSuccess({ ...kept, most }, `${id}.source`, new Map([['redis', container]]));
  };
  leave('none', 0);
  expect(existsSync(paths.allLogs)).toBe(false);
  const before = Date.now();
  for (const [at, id] of ['first', 'second', 'third'].entries()) {
    leave(id, kept.most);
    utimesSync(join(kept.directory, `${id}.source`), at, at);
  }
  leave('fourth', kept.most);
  expect(readdirSync(kept.directory).sort()).toEqual(['fourth.source', 'third.source']);
  const logs = join(kept.directory, 'fourth.source/redis');
  expect(readdirSync(logs).sort()).toEqual(['born.json', 'dump.log']);
  expect(readFileSync(join(logs, 'dump.log'), 'utf8')).toContain('fourth');
  const born = JSON.parse(readFileSync(join(logs, 'born.json'), 'utf8')) as Record<string, number>;
  expect(born['dump.log']).toBeGreaterThan(before - 1_000);
});
