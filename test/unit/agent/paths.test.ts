/** Names that come from elsewhere become parts of paths only if they are plainly names. */
import { expect, it } from 'vitest';
import { checkLabel, NodePaths } from '../../../agent/paths.ts';

const paths = new NodePaths('/run/podferry');

it.each(['m', 'a-1', '0', 'x'.repeat(63)])('takes %j', (name) => {
  expect(paths.source(name).record).toBe(`/run/podferry/source/${name}/record.json`);
  expect(paths.target(name).container(name).images).toBe(`/run/podferry/target/${name}/containers/${name}/images`);
  expect(paths.kept(name)).toBe(`/run/podferry/kept/${name}`);
});

it.each([
  '',
  '.',
  '..',
  '../../etc',
  'a/b',
  '/etc',
  '-rf',
  'a-',
  'A',
  'ü',
  'a b',
  'a\nb',
  'a\n',
  'a\0',
  '$(id)',
  'x'.repeat(64),
])('refuses %j wherever it would become a path, and says what is allowed', (name) => {
  const refusal = expect.objectContaining({ reason: 'InvalidArgument', message: expect.stringContaining('a-z') });
  expect(() => paths.source(name)).toThrow(refusal);
  expect(() => paths.target(name)).toThrow(refusal);
  expect(() => paths.target('m').container(name)).toThrow(refusal);
  expect(() => paths.kept(name)).toThrow(refusal);
});

it('shows the name that it refuses, quoted', () => {
  expect(() => checkLabel('migration', 'a\n"b"')).toThrow('migration "a\\n\\"b\\"" is not a name');
});
