import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { save } from '../../../agent/transfer/save.ts';
import { ArrivingBody } from '../../../agent/transfer/stream/body.ts';
import { noise } from './world.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podferry-save-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function arrived(content: Buffer, step: number): ArrivingBody {
  const body = new ArrivingBody(() => {});
  for (let at = 0; at < content.length; at += step) body.push(content.subarray(at, at + step));
  body.end();
  return body;
}

it.each([0, 1, 700_000])('writes %d bytes, over what was there', async (bytes) => {
  const path = join(directory, 'pages');
  await writeFile(path, noise(1_000_000, 9));
  const content = noise(bytes);
  // More pieces than one writev takes.
  await save(arrived(content, 101), path);
  expect((await readFile(path)).equals(content)).toBe(true);
});

it('writes pieces where they belong, and leaves the others', async () => {
  const path = join(directory, 'pages');
  const content = noise(300_000);
  for (const [from, to] of [
    [0, 100_000],
    [200_000, 300_000],
    [100_000, 200_000],
  ] as const) {
    await save(arrived(content.subarray(from, to), 101), path, { at: from });
  }
  expect((await readFile(path)).equals(content)).toBe(true);
});

it('follows no link, and says what it could not write', async () => {
  await symlink('/etc/hostname', join(directory, 'link'));
  for (const name of ['link', 'no/such/directory']) {
    await expect(save(arrived(noise(9), 9), join(directory, name))).rejects.toMatchObject({
      reason: 'TransferFailed',
      message: expect.stringContaining(join(directory, name)),
    });
  }
});

it.runIf(process.getuid?.() === 0)('says that there is no space left', async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]);
  try {
    const path = join(directory, 'pages');
    await expect(save(arrived(noise(200_000), 16_384), path)).rejects.toMatchObject({ reason: 'StagingSpaceMissing' });
  } finally {
    execFileSync('umount', [directory]);
  }
});
