/** What becomes of a container's files on their way: all kinds, all changes, round after round. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { look, removeXattr, setXattr } from './look.ts';
import { TwoTrees } from './two-trees.ts';

let trees: TwoTrees;
const at = (...path: string[]) => join(trees.source, ...path);
const there = (...path: string[]) => join(trees.target, ...path);

afterEach(async () => {
  await trees.close();
});

const image = (root: string) => {
  mkdirSync(join(root, 'etc/conf.d'), { recursive: true });
  writeFileSync(join(root, 'etc/hosts'), 'from the image\n');
  writeFileSync(join(root, 'etc/conf.d/one'), '1');
  writeFileSync(join(root, 'etc/conf.d/two'), '2');
  mkdirSync(join(root, 'var/cache/old'), { recursive: true });
  writeFileSync(join(root, 'var/cache/old/entry'), 'old');
  symlinkSync('/run', join(root, 'var/run'));
  mkdirSync(join(root, 'srv'));
  writeFileSync(join(root, 'file'), 'from the image');
};

/** Carries until nothing is left to carry, and compares. */
async function settled(): Promise<void> {
  // what was changed less than a tick ago goes over twice
  await sleep(30);
  await trees.round();
  expect(look(trees.target)).toEqual(look(trees.source));
  expect(await trees.round()).toBe(0);
}

it('carries every kind of file with all that belongs to it', async () => {
  trees = await TwoTrees.overlays(image);
  for (const name of [
    ' two  words ',
    'line\nend',
    'grüß-😀',
    '-rf',
    '--help',
    'back\\slash\\n',
    '*',
    "it's",
    '"',
    '~',
    'tab\t',
  ])
    writeFileSync(at(name), name);
  writeFileSync(Buffer.concat([Buffer.from(at('latin-')), Buffer.of(0xe9, 0xff)]), 'not UTF-8');
  mkdirSync(at('private'), { mode: 0o700 });
  writeFileSync(at('private/owned'), 'by somebody');
  chownSync(at('private/owned'), 1234, 4321);
  writeFileSync(at('private/setuid'), '#!/bin/sh\n');
  chownSync(at('private/setuid'), 33, 0);
  chmodSync(at('private/setuid'), 0o6755);
  mkdirSync(at('sticky'));
  chmodSync(at('sticky'), 0o3777);
  utimesSync(at('sticky'), 1_000_000_000.123, 1_000_000_000.123);
  writeFileSync(at('first-name'), 'one file');
  linkSync(at('first-name'), at('second-name'));
  symlinkSync('../../../etc/passwd', at('out'));
  symlinkSync('no-such-file', at('dangling'));
  lutimesSync(at('dangling'), 1_000_000_000.5, 1_000_000_000.5);
  execFileSync('mknod', [at('null'), 'c', '1', '3']);
  execFileSync('mknod', [at('disk'), 'b', '7', '99']);
  execFileSync('mkfifo', ['-m', '0620', at('fifo')]);
  writeFileSync(at('sparse'), 'end', { flag: 'w' });
  truncateSync(at('sparse'), 8 << 20);
  writeFileSync(at('attributed'), '');
  setXattr(at('attributed'), 'user.note', 'kept');
  setXattr(at('attributed'), 'trusted.note', 'kept too');
  // cap_net_bind_service=ep
  setXattr(at('attributed'), 'security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex'));
  setXattr(at('sticky'), 'user.directory', 'as well');
  await settled();
  expect(statSync(there('sparse')).blocks).toBeLessThan(64);
});

it('carries deletions of what the image brought', async () => {
  trees = await TwoTrees.overlays(image);
  rmSync(at('etc/hosts'));
  rmSync(at('var/cache'), { recursive: true });
  await settled();
  expect(readdirSync(there('var'))).toEqual(['run']);
  writeFileSync(at('etc/hosts'), 'again');
  mkdirSync(at('var/cache'));
  await settled();
});

it('hides what lay in a directory that was removed and made again, between rounds and before them', async () => {
  trees = await TwoTrees.overlays(image);
  rmSync(at('var/cache'), { recursive: true });
  mkdirSync(at('var/cache/old'), { recursive: true });
  await settled();
  expect(readdirSync(there('var/cache/old'))).toEqual([]);
  rmSync(at('etc'), { recursive: true });
  mkdirSync(at('etc/conf.d'), { recursive: true });
  writeFileSync(at('etc/conf.d/one'), 'mine');
  await settled();
  expect(readdirSync(there('etc/conf.d'))).toEqual(['one']);
});

const kinds: Record<string, (path: string) => void> = {
  file: (path) => writeFileSync(path, 'content'),
  directory: (path) => {
    mkdirSync(path);
    writeFileSync(join(path, 'within'), 'deep');
  },
  symlink: (path) => symlinkSync('/etc', path),
  fifo: (path) => execFileSync('mkfifo', [path]),
};

it.each(Object.keys(kinds))('carries a %s that becomes any other kind of file', async (before) => {
  trees = await TwoTrees.overlays(image);
  const others = Object.keys(kinds).filter((after) => after !== before);
  for (const after of others) kinds[before]?.(at('srv', after));
  await settled();
  for (const after of others) {
    rmSync(at('srv', after), { recursive: true });
    kinds[after]?.(at('srv', after));
  }
  await settled();
});

it("carries what took the place of the image's own file, directory and symbolic link", async () => {
  trees = await TwoTrees.overlays(image);
  await trees.round();
  rmSync(at('file'));
  mkdirSync(at('file'));
  writeFileSync(at('file/within'), 'deep');
  rmSync(at('etc/conf.d'), { recursive: true });
  writeFileSync(at('etc/conf.d'), 'a file now');
  rmSync(at('var/run'));
  mkdirSync(at('var/run'));
  writeFileSync(at('var/run/pid'), '1');
  await settled();
});

it('clears away what the image had there once, and never what has been carried since', async () => {
  trees = await TwoTrees.overlays(image);
  rmSync(at('var/run'));
  mkdirSync(at('var/run'));
  writeFileSync(at('var/run/first'), '1');
  await settled();
  writeFileSync(at('var/beside'), '');
  writeFileSync(at('var/run/second'), '2');
  await settled();
  expect(readdirSync(there('var/run')).sort()).toEqual(['first', 'second']);
});

it('carries renamed directories and files, and what took their place', async () => {
  trees = await TwoTrees.overlays(image);
  mkdirSync(at('srv/a/deep/er'), { recursive: true });
  writeFileSync(at('srv/a/deep/er/file'), 'moves');
  writeFileSync(at('srv/here'), 'one');
  writeFileSync(at('srv/there'), 'two');
  await settled();
  renameSync(at('srv/a/deep'), at('srv/b'));
  renameSync(at('srv/b/er'), at('srv/a/deep'));
  renameSync(at('srv/here'), at('srv/away'));
  renameSync(at('srv/there'), at('srv/here'));
  await settled();
});

it('keeps the two names of one file together, whichever was written through', async () => {
  trees = await TwoTrees.overlays(image);
  for (const name of ['one', 'two', 'three']) writeFileSync(at('srv', name), name);
  linkSync(at('srv/one'), at('srv/one-more'));
  await settled();
  writeFileSync(at('srv/one-more'), 'longer than before');
  linkSync(at('srv/two'), at('srv/two-more'));
  rmSync(at('srv/one'));
  linkSync(at('srv/one-more'), at('srv/one'));
  await settled();
  rmSync(at('srv/two'));
  writeFileSync(at('srv/one-more'), 'short');
  await settled();
});

it('changes nothing of a directory but what was changed', async () => {
  trees = await TwoTrees.overlays(image);
  writeFileSync(at('srv/file'), 'one');
  utimesSync(at('srv'), 1_000_000_000, 1_000_000_000);
  await settled();
  writeFileSync(at('srv/file'), 'two');
  await settled();
  expect(statSync(there('srv')).mtimeMs).toBe(1_000_000_000_000);
});

it('sees changes of mode, owner, time and attributes alone', async () => {
  trees = await TwoTrees.overlays(image);
  for (const name of ['mode', 'owner', 'time', 'attribute'])
    writeFileSync(at('srv', name), Buffer.alloc(400_000, name));
  await settled();
  chmodSync(at('srv/mode'), 0o4711);
  chownSync(at('srv/owner'), 7, 7);
  utimesSync(at('srv/time'), 1_000_000_000.25, 1_000_000_000.25);
  setXattr(at('srv/attribute'), 'user.late', 'but there');
  setXattr(at('srv'), 'user.late', 'but there');
  await settled();
});

it('takes attributes away again, and access lists', async () => {
  trees = await TwoTrees.overlays(image);
  mkdirSync(at('srv/made/deep'), { recursive: true });
  writeFileSync(at('srv/made/deep/file'), 'stays');
  setXattr(at('srv/made'), 'user.note', 'goes');
  // version 2; owner 7, user 1234 7, group 5, mask 7, others 5
  const list = ['02000000', '01000700ffffffff', '02000700d2040000', '04000500ffffffff', '10000700ffffffff']
    .concat('20000500ffffffff')
    .join('');
  setXattr(at('srv'), 'system.posix_acl_access', Buffer.from(list, 'hex'));
  setXattr(at('srv'), 'system.posix_acl_default', Buffer.from(list, 'hex'));
  writeFileSync(at('srv/inherits'), '');
  await settled();
  removeXattr(at('srv/made'), 'user.note');
  removeXattr(at('srv'), 'system.posix_acl_access');
  removeXattr(at('srv'), 'system.posix_acl_default');
  removeXattr(at('srv/inherits'), 'system.posix_acl_access');
  renameSync(at('srv/made/deep'), at('aside'));
  rmSync(at('srv/made'), { recursive: true });
  mkdirSync(at('srv/made'));
  renameSync(at('aside'), at('srv/made/deep'));
  writeFileSync(at('srv/plain'), '');
  await settled();
});

it('sees a change that comes right after a round, of the same size', async () => {
  trees = await TwoTrees.overlays(image);
  for (let turn = 0; turn < 8; turn += 1) {
    writeFileSync(at('srv/file'), `${turn}`);
    await trees.round();
    writeFileSync(at('srv/file'), 'x');
    await trees.round();
    expect(readFileSync(there('srv/file'), 'utf8')).toBe('x');
  }
});

it('leaves out sockets and what is mounted below, but not the place for it', async () => {
  trees = await TwoTrees.inMemory();
  const server = createServer().listen(at('socket'));
  await once(server, 'listening');
  mkdirSync(at('mounted'));
  execFileSync('mount', ['-t', 'tmpfs', 'podferry-test', at('mounted')]);
  try {
    writeFileSync(at('mounted/not-ours'), 'x');
    writeFileSync(at('ours'), 'x');
    await sleep(30);
    await trees.round();
    expect(readdirSync(trees.target).sort()).toEqual(['mounted', 'ours']);
    expect(readdirSync(there('mounted'))).toEqual([]);
    // in memory a first comparison has nothing to compare with
    await trees.round();
    expect(await trees.round()).toBe(0);
  } finally {
    execFileSync('umount', [at('mounted')]);
    server.close();
  }
});
