/** Which plans are of a whole migration, which of half a one, and which of none. */
import { expect, it } from 'vitest';
import { Fault } from '../../proto/fault.ts';
import { halfOf } from '../../proto/half.ts';

type Parts = Parameters<typeof halfOf>[0];

const whole: Parts = {
  id: 'mig-1',
  source_node: 'node-a',
  target_node: 'node-b',
  transport: 'stream',
  checkpoint: null,
  target_pod: null,
};
const digest = `sha256:${'0a'.repeat(32)}`;
const checkpoint: Parts = {
  ...whole,
  id: 'ckp-1',
  target_node: '',
  transport: 'directory',
  checkpoint: { id: 'ckp-1', digest: '' },
};
const copy: Parts = {
  ...whole,
  id: 'cpy-1',
  source_node: '',
  transport: 'directory',
  checkpoint: { id: 'ckp-1', digest },
  target_pod: { namespace: 'default', name: 'redis-1', uid: '' },
};

const said = (parts: Parts) => {
  try {
    return halfOf(parts);
  } catch (error) {
    return error instanceof Fault ? error.reason : String(error);
  }
};

it.each([
  ['whole', whole],
  ['whole', { ...whole, transport: 'nfs' }],
  ['checkpoint', checkpoint],
  ['copy', copy],
  ['SameNode', { ...whole, target_node: 'node-a' }],
  ['SameNode', { ...whole, source_node: '', target_node: '' }],
  ['InvalidArgument', { ...whole, target_node: '' }],
  ['InvalidArgument', { ...whole, source_node: '' }],
  ['InvalidArgument', { ...whole, transport: 'directory' }],
  ['InvalidArgument', { ...checkpoint, transport: 'nfs' }],
  ['InvalidArgument', { ...checkpoint, target_node: 'node-b' }],
  ['InvalidArgument', { ...checkpoint, source_node: '' }],
  ['InvalidArgument', { ...checkpoint, checkpoint: { id: 'ckp-2', digest: '' } }],
  ['InvalidArgument', { ...copy, checkpoint: { id: 'ckp-1', digest: '' } }],
  ['InvalidArgument', { ...copy, checkpoint: { id: 'ckp-1', digest: 'md5:00' } }],
  ['InvalidArgument', { ...copy, target_pod: null }],
] as const)('is %s: %j', (meant, parts) => {
  expect(said(parts)).toBe(meant);
});
