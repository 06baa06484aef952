import { expect, it } from 'vitest';
import { decode, encode } from '../../../agent/transfer/nfs/manifest.ts';
import { checkEntry, checkPath } from '../../../agent/transfer/entry.ts';

const entry = { channel: 'redis/images', op: 'file', path: 'pages-1.img', size: 0, meta: { mode: 0o600 } };

it('keeps what is right, and nothing beside it', () => {
  expect(checkEntry({ ...entry, token: 'x', __proto__: { op: 'y' } })).toEqual(entry);
  expect(checkEntry({ channel: 'a', op: 'b' })).toEqual({ channel: 'a', op: 'b' });
  for (const path of ['a', '..a', 'a..', '...', 'ä/ö', 'a b\n', '-x', 'a'.repeat(255)])
    expect(checkPath(path)).toBe(path);
  for (const channel of ['app/volume.data_1', 'a/b/c/d'])
    expect(checkEntry({ channel, op: 'x' }).channel).toBe(channel);
});

it.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a string', 'entry'],
  ['an empty object', {}],
  ['no channel', { ...entry, channel: '' }],
  ['a channel that leads up', { ...entry, channel: '../etc' }],
  ['a channel that leads up later', { ...entry, channel: 'redis/..' }],
  ['an absolute channel', { ...entry, channel: '/redis' }],
  ['a channel in five parts', { ...entry, channel: 'a/b/c/d/e' }],
  ['a channel with a line break', { ...entry, channel: 'redis\n' }],
  ['no op', { ...entry, op: undefined }],
  ['an op in capitals', { ...entry, op: 'File' }],
  ['an empty path', { ...entry, path: '' }],
  ['a path that is null', { ...entry, path: null }],
  ['an absolute path', { ...entry, path: '/etc/passwd' }],
  ['a path that leads up', { ...entry, path: '../../etc/passwd' }],
  ['a path that leads up in the middle', { ...entry, path: 'a/../../b' }],
  ['a path that leads up at the end', { ...entry, path: 'a/..' }],
  ['a path with a dot', { ...entry, path: './a' }],
  ['a path with an empty part', { ...entry, path: 'a//b' }],
  ['a path that ends in a slash', { ...entry, path: 'a/' }],
  ['a path with NUL', { ...entry, path: 'a\0b' }],
  ['a name that is too long', { ...entry, path: 'ä'.repeat(128) }],
  ['a path that is too long', { ...entry, path: `${'a/'.repeat(2_100)}a` }],
  ['a negative size', { ...entry, size: -1 }],
  ['half a byte', { ...entry, size: 0.5 }],
  ['a size in words', { ...entry, size: '1' }],
  ['more meta than fits', { ...entry, meta: 'x'.repeat(70_000) }],
])('refuses %s', (_, wrong) => {
  expect(() => checkEntry(wrong)).toThrow(expect.objectContaining({ reason: 'InvalidArgument' }));
  const { text, sha256 } = encode({
    number: 1,
    parts: [{ entry: wrong as typeof entry, offset: 0, length: 0, sha256: '' }],
  });
  expect(() => decode(text, { number: 1, sha256 }, 'manifest')).toThrow(
    expect.objectContaining({ reason: 'InvalidArgument' }),
  );
});

it('believes a manifest only when its digest was announced', () => {
  const { text, sha256 } = encode({ number: 3, parts: [] });
  expect(decode(text, { number: 3, sha256 }, 'm')).toEqual({ number: 3, parts: [] });
  expect(() => decode(Buffer.concat([text, Buffer.from(' ')]), { number: 3, sha256 }, 'm')).toThrow(
    /not what the source wrote/,
  );
  expect(() => decode(text, { number: 4, sha256 }, 'm')).toThrow(/belongs to segment 3/);
});
