/** Which nodes could take what runs on another. */
import { expect, it } from 'vitest';
import { whyUnlike } from '../../../coordinator/cluster/kinship.ts';
import type { PreflightResponse__Output as PreflightResponse } from '../../../proto/gen/podferry/v1/PreflightResponse.ts';
import { ask, stage } from './stage.ts';

const facts = (flags: string, cgroup_version = 2) => ({ cpu_flags: flags.split(' '), cgroup_version });

it.each([
  ['the same', facts('fpu sse avx'), facts('fpu sse avx')],
  ['one with more', facts('fpu sse'), facts('fpu sse avx')],
  ['one that nothing is known of', facts('fpu'), undefined],
  ['one, when nothing is known of the source', undefined, facts('fpu')],
])('%s', (_what, source, target) => {
  expect(whyUnlike(source, target, 'node-b')).toBeUndefined();
});

it('none whose processor lacks something', () => {
  const why = whyUnlike(facts('fpu sse avx avx512f'), facts('fpu sse'), 'node-b');
  expect(why).toBe('the processor of node-b lacks what the pod may be using: avx avx512f');
  const many = whyUnlike(facts('a b c d e f g h i j'), facts('x'), 'node-b');
  expect(many).toMatch(/: a b c d e f g h and 2 more$/);
});

it('none with another version of cgroups', () => {
  expect(whyUnlike(facts('fpu', 1), facts('fpu', 2), 'node-b')).toBe(
    "node-b has cgroup version 2, and the pod's node has 1",
  );
});

it('is asked for where a node is chosen, and tells why there is none', async () => {
  const set = await stage({ nodes: ['node-a', 'node-b', 'node-c'] });
  const [a, b, c] = set.agents;
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  a.cpuFlags = ['fpu', 'avx'];
  b.cpuFlags = ['fpu'];
  c.cpuFlags = ['fpu', 'avx', 'avx2'];
  const choose = async () => {
    // Facts are those of the last look.
    await ask(set, 'Nodes', {});
    return await ask<PreflightResponse>(set, 'Preflight', { pod: { namespace: 'default', name: 'redis' } });
  };
  expect((await choose()).plan?.target_node).toBe('node-c');
  c.cpuFlags = ['fpu'];
  expect((await choose()).findings).toMatchObject([
    {
      reason: 'NodeNotFound',
      message: expect.stringMatching(/processor of node-b lacks.*processor of node-c lacks/) as string,
    },
  ]);
  await set.close();
});
