/** A real cgroup of version 1: frozen, thawed, and what happens when a task will not stop. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freezerAt, freezerOf } from '../../../agent/runtime/freezer.ts';

const hierarchy = '/sys/fs/cgroup/freezer';

describe.skipIf(!existsSync(join(hierarchy, 'cgroup.procs')))('a container’s freezer', () => {
  let path: string;
  const tasks: ChildProcess[] = [];

  beforeEach(() => {
    path = join(hierarchy, `podferry-test-${process.pid}`);
    mkdirSync(path);
  });

  afterEach(async () => {
    freezerAt({ version: 1, path }).thaw();
    for (const task of tasks.splice(0)) {
      task.kill('SIGKILL');
      if (task.exitCode === null && task.signalCode === null) await once(task, 'exit');
    }
    rmdirSync(path);
  });

  function start(...argv: [string, ...string[]]): ChildProcess & { pid: number } {
    const [program, ...rest] = argv;
    const task = spawn(program, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
    tasks.push(task);
    if (task.pid === undefined) throw new Error(`${program} did not start`);
    return Object.assign(task, { pid: task.pid });
  }

  /** A shell that counts in memory, as fast as it can; its time of processor tells whether it runs. */
  function worker(): { pid: number; runs: () => Promise<boolean> } {
    const { pid } = start('sh', '-c', 'while :; do :; done');
    writeFileSync(join(path, 'cgroup.procs'), String(pid));
    const ticks = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[13];
    return {
      pid,
      async runs() {
        const before = ticks();
        await sleep(150);
        return ticks() !== before;
      },
    };
  }

  it('is found by a process, stops it, and lets it go on', async () => {
    const { pid, runs } = worker();
    const freezer = freezerOf(pid);
    expect(freezer).toMatchObject({ version: 1, path });
    expect(freezer.pids()).toEqual([pid]);
    expect(freezer.isFrozen()).toBe(false);
    await freezer.freeze(1_000);
    expect(freezer.isFrozen()).toBe(true);
    expect(await runs()).toBe(false);
    await freezer.freeze(1_000);
    freezer.thaw();
    expect(freezer.isFrozen()).toBe(false);
    expect(await runs()).toBe(true);
    freezer.thaw();
  });

  it('stops many within a few milliseconds', async () => {
    for (let at = 0; at < 20; at += 1) worker();
    const before = performance.now();
    await freezerAt({ version: 1, path }).freeze(2_000);
    console.log(`20 busy processes frozen in ${(performance.now() - before).toFixed(1)} ms`);
  });

  it('is thawed by its undo, run twice, and by one that finds no cgroup any more', async () => {
    const { runs } = worker();
    const freezer = freezerAt({ version: 1, path });
    const { undo } = freezer;
    await freezer.freeze(1_000);
    for (const _ of [1, 2]) execFileSync('sh', ['-c', undo]);
    expect(await runs()).toBe(true);
    execFileSync('sh', ['-c', undo.replaceAll(path, `${path}-gone`)]);
    expect(() => freezerAt({ version: 1, path: `${path}-gone` })).toThrow(
      expect.objectContaining({ reason: 'FreezeFailed', message: expect.stringContaining('is not there') }),
    );
  });

  it('gives up on a task that sleeps uninterruptibly, and then everything runs on', async () => {
    const { runs } = worker();
    const stuck = await stuckIn(start);
    try {
      writeFileSync(join(path, 'cgroup.procs'), String(stuck.pid));
      expect(readFileSync(`/proc/${stuck.pid}/stat`, 'utf8').split(' ')[2]).toBe('D');
      const freezer = freezerAt({ version: 1, path });
      const before = performance.now();
      await expect(freezer.freeze(300)).rejects.toMatchObject({
        reason: 'FreezeFailed',
        message: expect.stringMatching(/within 300 ms.*\(D\).*runs on/),
      });
      expect(performance.now() - before).toBeLessThan(1_000);
      expect(freezer.isFrozen()).toBe(false);
      expect(await runs()).toBe(true);
    } finally {
      stuck.release();
    }
  });
});

/** A process that was killed while a file server had its question, and did not answer. */
async function stuckIn(start: (...argv: [string, ...string[]]) => ChildProcess & { pid: number }) {
  const at = mkdtempSync(join(tmpdir(), 'podferry-freezer-'));
  const server = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  execFileSync('mount', ['-i', '-t', 'fuse', '-o', options, 'podferry-test', at], {
    stdio: ['ignore', 'ignore', 'inherit', server],
  });
  const question = Buffer.alloc(1 << 20);
  const ask = () => readSync(server, question);
  // struct fuse_out_header {len, error, unique} and struct fuse_init_out {major, minor, …, max_write at 20}
  const welcome = Buffer.alloc(16 + 64);
  ask();
  welcome.writeUInt32LE(welcome.length, 0);
  question.copy(welcome, 8, 8, 16);
  welcome.writeUInt32LE(7, 16);
  welcome.writeUInt32LE(31, 20);
  welcome.writeUInt32LE(4096, 36);
  writeSync(server, welcome);
  const task = start('stat', join(at, 'file'));
  ask();
  task.kill('SIGKILL');
  await sleep(100);
  return {
    pid: task.pid,
    release() {
      closeSync(server);
      execFileSync('umount', ['-l', at]);
      rmdirSync(at);
    },
  };
}
