/** A node's files, seen from beside it: what its links mean there, not here. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { act } from '../../../agent/install/act.ts';
import { configFiles } from '../../../agent/install/config-files.ts';
import { Node } from '../../../agent/install/node.ts';

let root: string;
let node: Node;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podferry-node-'));
  node = new Node('node-a', root);
  for (const directory of ['etc/c', 'data', 'usr/bin']) mkdirSync(join(root, directory), { recursive: true });
});

afterEach(() => rmSync(root, { recursive: true }));

it.each([
  ['an absolute link', '/etc/link', '/data', '/etc/link/x', '/data/x'],
  ['a relative one', '/etc/link', '../data', '/etc/link/x', '/data/x'],
  ['one that leads out of it', '/etc/link', '../../../../../data', '/etc/link/x', '/data/x'],
  ['dots', '/etc/other', 'c', '/etc/../../etc/./other/x', '/etc/c/x'],
])('follows %s within the node', (_what, link, target, path, meant) => {
  symlinkSync(target, join(root, link));
  expect(node.at(path)).toBe(join(root, meant));
});

it('keeps to a link itself when that is meant, and gives up on a circle', () => {
  symlinkSync('/data', join(root, 'etc/link'));
  expect(node.at('/etc/link', false)).toBe(join(root, 'etc/link'));
  expect(node.entry('/etc/link')).toEqual({ kind: 'link', target: '/data' });
  expect(node.entry('/etc/link', true)).toEqual({ kind: 'directory' });
  symlinkSync('/etc/b', join(root, 'etc/a'));
  symlinkSync('/etc/a', join(root, 'etc/b'));
  expect(() => node.at('/etc/a')).toThrow(/circle of links/);
});

it('is / itself, too', () => {
  expect(new Node('here', '/').at('/')).toBe('/');
  expect(new Node('here', '/').at('/proc/self/status')).toMatch(/^\/proc\/\d+\/status$/);
});

it('finds programs where a node has them, through its links', () => {
  writeFileSync(join(root, 'usr/bin/runc-1.3'), '', { mode: 0o755 });
  symlinkSync('/usr/bin/runc-1.3', join(root, 'usr/bin/runc'));
  writeFileSync(join(root, 'usr/bin/criu'), '', { mode: 0o644 });
  expect(node.program('runc')).toBe('/usr/bin/runc');
  expect(node.program('/usr/bin/runc-1.3')).toBe('/usr/bin/runc-1.3');
  expect(node.program('criu')).toBeUndefined();
});

it('reads a configuration and what it imports, each once and in containerd’s order', () => {
  const files = {
    'etc/c/config.toml': 'imports = ["/etc/c/[ab]*.toml", "one.toml", "/etc/c/none.toml"]\n',
    'etc/c/b.toml': 'imports = ["/etc/c/config.toml"]\n',
    'etc/c/a.toml': '',
    'etc/c/one.toml': '',
    'etc/c/other.toml': '',
  };
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  const paths = [...configFiles(node, '/etc/c/config.toml').files.keys()];
  expect(paths).toEqual(['/etc/c/config.toml', '/etc/c/a.toml', '/etc/c/b.toml', '/etc/c/one.toml']);
});

it('is changed as a whole or not at all, by new files in the place of old ones', () => {
  writeFileSync(join(root, 'etc/x'), 'old', { mode: 0o640 });
  symlinkSync('/data/real', join(root, 'etc/linked'));
  writeFileSync(join(root, 'data/real'), 'real');
  const { ino } = statSync(join(root, 'etc/x'));
  const takeBack = act(node, [
    { do: 'directory', path: '/opt', why: '' },
    { do: 'file', path: '/opt/new', content: Buffer.from('new'), owned: { mode: 0o755 }, follow: false, why: '' },
    { do: 'file', path: '/etc/x', content: Buffer.from('new'), owned: { mode: 0o644 }, follow: false, why: '' },
    { do: 'file', path: '/etc/linked', content: Buffer.from('new'), owned: {}, follow: true, why: '' },
    { do: 'link', path: '/opt/link', target: '/etc/x', why: '' },
  ]);
  expect(readFileSync(join(root, 'data/real'), 'utf8')).toBe('new');
  expect(statSync(join(root, 'etc/x')).ino).not.toBe(ino);
  takeBack();
  expect(readdirSync(root).sort()).toEqual(['data', 'etc', 'usr']);
  expect(readFileSync(join(root, 'etc/x'), 'utf8')).toBe('old');
  expect(statSync(join(root, 'etc/x')).mode & 0o777).toBe(0o640);
  expect(readFileSync(join(root, 'data/real'), 'utf8')).toBe('real');

  const half = [
    { do: 'remove', path: '/etc/x', why: '' },
    { do: 'file', path: '/no/such/directory', content: Buffer.of(), owned: {}, follow: false, why: '' },
  ] as const;
  expect(() => act(node, half)).toThrow(/nothing was changed/);
  expect(readFileSync(join(root, 'etc/x'), 'utf8')).toBe('old');
  expect(readdirSync(join(root, 'etc')).sort()).toEqual(['c', 'linked', 'x']);
});
