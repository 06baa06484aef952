/** Mounts that need not be carried: how they are named, and locks on them that could not be taken over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { locksOnShared, readSharedMounts } from '../../../agent/preflight/shared.ts';

describe('shared mounts', () => {
  it('are by container, and spelt as the kernel does', () => {
    const mounts = readSharedMounts(['redis:/data/', 'redis:/a//b', 'log:/data', 'log:/x y']);
    expect([...mounts.keys()]).toEqual(['redis', 'log']);
    expect([...(mounts.get('redis') ?? [])]).toEqual(['/data', '/a/b']);
    expect([...(mounts.get('log') ?? [])]).toEqual(['/data', '/x y']);
  });

  it.each(['', 'redis', 'redis:', 'redis:data', ':/data', 'Redis:/data', '../x:/data'])('%j is none', (written) => {
    expect(() => readSharedMounts([written])).toThrow(expect.objectContaining({ reason: 'InvalidArgument' }));
  });
});

describe('a lock', () => {
  let directory: string;
  let holder: ChildProcess;
  const pids = () => [holder.pid ?? 0];
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'podferry-shared-'));
    writeFileSync(join(directory, 'free'), '');
    symlinkSync(directory, `${directory}-link`);
    // Two files open, of which one is locked.
    const script = 'exec 8<"$0/free" 9>"$0/locked"; flock 9; echo held; exec sleep 60';
    holder = spawn('sh', ['-c', script, directory], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => holder.stdout?.once('data', resolve));
    return () => void holder.kill();
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
    rmSync(`${directory}-link`);
  });

  it('on a shared mount is found', () => {
    expect(locksOnShared(pids(), new Set([directory]))).toEqual([join(directory, 'locked')]);
  });

  it('elsewhere does not matter', () => {
    expect(locksOnShared(pids(), new Set())).toEqual([]);
    expect(locksOnShared(pids(), new Set([`${directory}-link`, directory.slice(0, -1)]))).toEqual([]);
  });

  it('of a process that is gone is none', () => {
    expect(locksOnShared([2 ** 22 - 1], new Set(['/']))).toEqual([]);
  });
});
