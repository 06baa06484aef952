/** Too little room, and what CRIU cannot dump: known only when the pod is frozen already, or almost. */
import { statfsSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { expectRolledBack, whileFrozen } from './expect-ended.ts';
import { Subject } from './subject.ts';

const lab = open();
let subject: Subject;

beforeEach(async () => {
  subject = await Subject.start(lab);
});

afterEach(async () => {
  await subject.end();
});

/** Leaves this much of a tmpfs. */
async function fill(directory: string, leaveBytes: number): Promise<void> {
  const { bavail, bsize } = statfsSync(directory);
  const file = await openFile(join(directory, 'filler'), 'w');
  try {
    const block = Buffer.alloc(1 << 20);
    for (let left = bavail * bsize - leaveBytes; left > 0; left -= block.length) {
      await file.write(block, 0, Math.min(left, block.length));
    }
  } finally {
    await file.close();
  }
}

it("the source's staging is full: CRIU cannot write what it dumps", async () => {
  let staging = '';
  const attempt = await subject.moveUntilArmed(async (armed) => {
    staging = join(await armed.appears('source', 'containers/redis/go'), '../..');
    await fill(staging, 8 << 20);
  });
  const ended = await attempt.ended;
  expectRolledBack(ended, 'DumpFailed', ...whileFrozen);
  expect(ended.migration?.message).toContain('No space left on device');
  await subject.ranOnAtSource({ kept: { source: /^file \/run\/podferry\/kept/ } });
});

it("the target's staging is full: what was frozen cannot be put down there", async () => {
  const attempt = await subject.moveUntilArmed(async (armed) => {
    const staging = join(await armed.appears('target', 'containers/redis/go'), '../..');
    await fill(staging, 8 << 20);
  });
  const ended = await attempt.ended;
  expectRolledBack(ended, 'StagingSpaceMissing', ...whileFrozen);
  expect(ended.migration?.message).toMatch(/node-b .*no space left/);
  await subject.ranOnAtSource();
});

it('the pod has something that CRIU refuses and preflight cannot see', async () => {
  // As a volume driver would that mounts into running pods; CRIU does not know this kind of file system.
  const within = ['nsenter', '-t', String(subject.pod.pid), '-m', '--'];
  await lab.run('node-a', [...within, '/bin/mount', '-t', 'ramfs', 'none', '/tmp']);
  const ended = await subject.move().ended;
  await lab.run('node-a', [...within, '/bin/umount', '/tmp']);
  expectRolledBack(ended, 'DumpFailed', ...whileFrozen);
  expect(ended.migration?.message).toMatch(/CRIU could not dump container redis .*Error/);
  await subject.ranOnAtSource({ kept: { source: /^file \/run\/podferry\/kept/ } });
});
