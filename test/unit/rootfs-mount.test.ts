import { expect, it } from 'vitest';
import { rootfsOf } from '../../agent/runtime/rootfs-mount.ts';

const about = { containerId: 'c0ffee', snapshotter: 'overlayfs' };
const overlay = { type: 'overlay', source: 'overlay', target: '' };

it('finds the directories of an overlay, whatever else is among its options', () => {
  const options = ['index=off', 'workdir=/s/9/work', 'upperdir=/s/9/fs', 'lowerdir=/s/2/fs:/s/1/fs', 'userxattr'];
  expect(rootfsOf([{ ...overlay, options }], about)).toEqual({
    upperDir: '/s/9/fs',
    workDir: '/s/9/work',
    lowerDirs: ['/s/2/fs', '/s/1/fs'],
  });
});

it.each([
  ['nothing', []],
  ['a read-only overlay', [{ ...overlay, options: ['lowerdir=/s/2/fs:/s/1/fs'] }]],
  ['a bind mount, as of an image without layers', [{ ...overlay, type: 'bind', options: ['rbind', 'rw'] }]],
  ['two mounts', [1, 2].map(() => ({ ...overlay, options: ['upperdir=/u', 'workdir=/w', 'lowerdir=/l'] }))],
])('refuses %s', (_what, mounts) => {
  expect(() => rootfsOf(mounts, about)).toThrow(/FAILED_PRECONDITION.*overlayfs/);
});
