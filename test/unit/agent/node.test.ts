/** What must outlive an agent in a container: a real cgroup of version 1 takes it in before it becomes what it is. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hierarchies, inContainer, ofNode, onNode, outliving } from '../../../agent/runtime/node.ts';

it.each([
  ['version 2', '0::/kubepods/pod1\n', ['']],
  ['version 1', '5:cpu,cpuacct:/\n4:memory:/pod1\n1:name=systemd:/\n', ['cpu,cpuacct', 'memory', 'systemd']],
  ['both', '6:freezer:/pod1\n1:name=systemd:/\n0::/\n', ['freezer', 'systemd', 'unified']],
])('finds the hierarchies of %s', (_, text, expected) => {
  expect(hierarchies(text)).toEqual(expected);
});

it('a process of the node itself is at its root, and has nothing to leave', () => {
  expect(inContainer).toBe(false);
  expect(ofNode('/usr/bin/runc')).toBe('/usr/bin/runc');
  expect(onNode(['runc', '--version'])).toEqual(['runc', '--version']);
  expect(outliving(['sleep', '1'])).toEqual(['sleep', '1']);
});

const hierarchy = '/sys/fs/cgroup/freezer';

describe.skipIf(!existsSync(join(hierarchy, 'cgroup.procs')))('what leaves a cgroup', () => {
  const refuge = join(hierarchy, `podferry-refuge-${process.pid}`);
  beforeEach(() => mkdirSync(refuge));
  afterEach(() => rmdirSync(refuge));

  it('is in the other one when it begins, with all its arguments', () => {
    const [program, ...rest] = outliving(
      ['/bin/sh', '-c', 'echo "$1"; grep freezer /proc/self/cgroup', 'name', "it's -- $here"],
      [join(refuge, 'cgroup.procs')],
    );
    const [first, second] = execFileSync(program, rest, { encoding: 'utf8' }).split('\n');
    expect(first).toBe("it's -- $here");
    expect(second).toMatch(new RegExp(`:freezer:.*/podferry-refuge-${process.pid}$`));
    expect(readFileSync(join(refuge, 'cgroup.procs'), 'utf8')).toBe('');
  });

  it('does not begin where it would end with the agent', async () => {
    const [program, ...rest] = outliving(['echo', 'begun'], [join(refuge, 'nowhere/cgroup.procs')]);
    const ended = promisify(execFile)(program, rest);
    await expect(ended).rejects.toMatchObject({ code: 70, stdout: '', stderr: expect.stringContaining('nowhere') });
  });
});
