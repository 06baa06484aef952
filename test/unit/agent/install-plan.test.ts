/** What the installer would change on a node, from what the node has: no node, no containerd. */
import { expect, it } from 'vitest';
import { digest, type Entry } from '../../../agent/install/node.ts';
import type { Observation } from '../../../agent/install/observe.ts';
import { type Change, type Made, planInstall, planUninstall, type Wanted } from '../../../agent/install/plan.ts';
import { refusals, wantsOurCriu } from '../../../agent/install/refuse.ts';

const owned = { mode: 0o644, uid: 0, gid: 0, mtimeMs: 5 };
const wrapper = { kind: 'file', path: '/opt/p/wrapper', content: Buffer.from('new'), mode: 0o755, why: '' } as const;
const runc = { kind: 'link', path: '/opt/p/runc', target: '/usr/bin/runc', why: '' } as const;
const config = {
  kind: 'file',
  path: '/etc/c.toml',
  content: Buffer.from('a\nours\n'),
  mode: 0o644,
  isConfig: true,
  why: '',
} as const;

/** A node of texts, links (→) and directories (/). */
class Tree {
  files: Record<string, string>;
  made: Made[];

  constructor(files: Record<string, string>, made: Made[] = []) {
    this.files = { '/opt': '/', '/etc': '/', ...files };
    this.made = made;
  }

  entry = (path: string): Entry => {
    const text = this.files[path];
    if (text === undefined) return { kind: 'absent' };
    if (text === '/') return { kind: 'directory' };
    if (text.startsWith('→')) return { kind: 'link', target: text.slice(1) };
    return { kind: 'file', sha256: digest(text), ...owned, mode: path === wrapper.path ? 0o755 : 0o640 };
  };

  content = (path: string) => Buffer.from(this.files[path] ?? '');

  /** Whatever a configuration has of ours is the line that says so. */
  original = (path: string) => {
    const text = path.endsWith('.toml') ? this.files[path] : undefined;
    if (text === undefined) return undefined;
    return text === 'ours\n' ? null : Buffer.from(text.replace('ours\n', ''));
  };

  install(...wanted: Wanted[]): Change[] {
    const { changes, made } = planInstall(wanted, this, this.original);
    this.made = made;
    return this.#apply(changes);
  }

  uninstall(): Change[] {
    const changes = planUninstall(this, this.original);
    this.made = [];
    return this.#apply(changes);
  }

  #apply(changes: Change[]): Change[] {
    for (const change of changes) {
      const inside = Object.keys(this.files).some((path) => path.startsWith(`${change.path}/`));
      if (change.do === 'directory') this.files[change.path] = '/';
      else if (change.do === 'file') this.files[change.path] = change.content.toString();
      else if (change.do === 'link') this.files[change.path] = `→${change.target}`;
      else if (change.do === 'remove' && !inside) delete this.files[change.path];
    }
    return changes;
  }
}

const short = (changes: Change[]) => changes.map((change) => `${change.do} ${change.path}`);

it.each<[string, Record<string, string>]>([
  ['nothing', {}],
  ['a configuration', { '/etc/c.toml': 'a\n' }],
  ['a wrapper of another time', { '/opt/p': '/', '/opt/p/wrapper': 'old', '/etc/c.toml': 'a\n' }],
  ['something in our directory', { '/opt/p': '/', '/opt/p/theirs': 'x' }],
  ['another link', { '/opt/p': '/', '/opt/p/runc': '→/elsewhere' }],
  [
    'all of it already',
    { '/opt/p': '/', '/opt/p/wrapper': 'new', '/opt/p/runc': '→/usr/bin/runc', '/etc/c.toml': 'a\nours\n' },
  ],
])('a node that has %s is as before after there and back, and needs nothing twice', (_what, files) => {
  const tree = new Tree(files);
  const before = { ...tree.files };
  const text = `${files['/etc/c.toml'] ?? ''}ours\n`.replace('ours\nours', 'ours');
  const wanted = [wrapper, runc, { ...config, content: Buffer.from(text) }];
  tree.install(...wanted);
  expect(tree.files).toMatchObject({
    '/opt/p/wrapper': 'new',
    '/opt/p/runc': '→/usr/bin/runc',
    '/etc/c.toml': text,
  });
  const { made } = tree;
  expect(tree.install(...wanted)).toEqual([]);
  expect(tree.made).toEqual(made);
  tree.uninstall();
  expect(tree.files).toEqual(before);
});

it('makes directories before files, and each once', () => {
  expect(short(new Tree({}).install(runc, wrapper))).toEqual([
    'directory /opt/p',
    'link /opt/p/runc',
    'file /opt/p/wrapper',
  ]);
});

it('keeps the rights of a configuration, and gives it back with its time', () => {
  const tree = new Tree({ '/etc/c.toml': 'a\n' });
  expect(tree.install(config)).toMatchObject([{ owned: { mode: 0o640 } }]);
  expect(tree.uninstall()).toMatchObject([{ owned: { mode: 0o640, mtimeMs: 5 }, why: 'as it was before' }]);
});

it('after an update puts back what was there before the first time', () => {
  const tree = new Tree({ '/opt/p': '/', '/opt/p/wrapper': 'old' });
  tree.install(wrapper);
  expect(short(tree.install({ ...wrapper, content: Buffer.from('newer') }))).toEqual(['file /opt/p/wrapper']);
  tree.uninstall();
  expect(tree.files['/opt/p/wrapper']).toBe('old');
});

it('takes away what is not wanted any more', () => {
  const tree = new Tree({});
  const criu = { ...wrapper, path: '/opt/p/criu/criu' };
  tree.install(wrapper, criu);
  expect(short(tree.install(wrapper))).toEqual(['remove /opt/p/criu/criu']);
  expect(tree.made.map(({ path }) => path)).not.toContain('/opt/p/criu/criu');
});

it('takes only its own lines out of a configuration that others have changed since', () => {
  const tree = new Tree({ '/etc/c.toml': 'a\n' });
  tree.install(config);
  tree.files['/etc/c.toml'] = 'a\nours\nb\n';
  expect(tree.uninstall()).toMatchObject([
    { do: 'file', why: expect.stringMatching(/changed it since: only our lines go/) },
  ]);
  expect(tree.files['/etc/c.toml']).toBe('a\nb\n');
});

it('leaves a file that others have made of ours, and says so', () => {
  const tree = new Tree({});
  tree.install(wrapper);
  tree.files['/opt/p/wrapper'] = 'theirs';
  expect(short(tree.uninstall())).toEqual(['keep /opt/p/wrapper', 'remove /opt/p']);
  expect(tree.files['/opt/p/wrapper']).toBe('theirs');
});

it('puts back what others have made of a configuration between two installations', () => {
  const tree = new Tree({ '/etc/c.toml': 'a\n' });
  tree.install(config);
  tree.files['/etc/c.toml'] = 'b\n';
  tree.install({ ...config, content: Buffer.from('b\nours\n') });
  tree.uninstall();
  expect(tree.files['/etc/c.toml']).toBe('b\n');
});

const seen: Observation = {
  platform: 'linux',
  arch: 'x64',
  running: undefined,
  config: undefined,
  criu: '4.2',
  runc: '/usr/bin/runc',
  problems: [],
};

it.each<[string, Partial<Observation>, RegExp[]]>([
  ['all is well', {}, []],
  ['another system', { platform: 'win32' }, [/only Linux/]],
  ['another processor', { arch: 'riscv64' }, [/riscv64/]],
  ['no CRIU', { criu: undefined }, [/no CRIU that works: install 4.0/]],
  ['an old CRIU', { criu: '3.17.1' }, [/CRIU 3.17.1 is too old/]],
  ['a CRIU that we do not know', { criu: '5.0' }, [/CRIU 5.0 is too new.*--criu if-missing/]],
  [
    'all of it at once',
    { arch: 'ppc64', criu: undefined, problems: ['this', 'that'] },
    [/ppc64/, /this/, /that/, /CRIU/],
  ],
])('with --criu never: %s', (_what, partial, expected) => {
  const against = refusals({ ...seen, ...partial }, { criu: 'never' }, false);
  expect(against).toHaveLength(expected.length);
  for (const [at, pattern] of expected.entries()) expect(against[at]).toMatch(pattern);
});

it.each([
  ['if-missing', '4.2', false, false],
  ['if-missing', '4.0', false, false],
  ['if-missing', '3.19', false, true],
  ['if-missing', '5.0', false, true],
  ['if-missing', undefined, false, true],
  ['if-missing', '4.2', true, true],
  ['always', '4.2', false, true],
  ['never', undefined, true, false],
] as const)('our CRIU, %s, beside %s, ours there %s: %s', (criu, version, hasOurs, brings) => {
  expect(wantsOurCriu({ criu: version }, { criu }, hasOurs)).toBe(brings);
});
