import { expect, it } from 'vitest';
import { type AgentPod, whereaboutsOf } from '../../../coordinator/agents/whereabouts.ts';

interface Said {
  created?: number;
  leaving?: true;
  ready?: false;
  phase?: string;
  ip?: string;
}

function pod(name: string, { created = 1, leaving, ready, phase = 'Running', ip }: Said): AgentPod {
  const creationTimestamp = new Date(created * 1_000).toISOString();
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      creationTimestamp,
      ...(leaving && { deletionTimestamp: creationTimestamp }),
    },
    status: {
      phase,
      ...(ip !== undefined && { podIP: ip }),
      conditions: [{ type: 'Ready', status: ready === false ? 'False' : 'True' }],
    },
  };
}

it.each<[string, AgentPod[], string | RegExp]>([
  ['one', [pod('a', { ip: '10.0.0.1' })], '10.0.0.1:7440'],
  ['one with IPv6', [pod('a', { ip: 'fd00::1' })], '[fd00::1]:7440'],
  ['one that is not ready: it may be about to', [pod('a', { ip: '10.0.0.1', ready: false })], '10.0.0.1:7440'],
  ['none', [], /pod is gone/],
  ['one without an address', [pod('a', { phase: 'Pending' })], /pod a is not running: Pending/],
  [
    'one that has failed, and still has its address',
    [pod('a', { phase: 'Failed', ip: '10.0.0.1' })],
    /pod a .*: Failed/,
  ],
  ['one on its way out', [pod('a', { ip: '10.0.0.1', leaving: true })], '10.0.0.1:7440'],
  ['one on its way out that has ended', [pod('a', { phase: 'Succeeded', leaving: true })], /pod is gone/],
  [
    'an old one on its way out, and a new one that does not run yet',
    [pod('a', { ip: '10.0.0.1', leaving: true }), pod('b', { phase: 'Pending', created: 2 })],
    '10.0.0.1:7440',
  ],
  [
    'an old one on its way out, and a new one that is not ready',
    [pod('a', { ip: '10.0.0.1', leaving: true }), pod('b', { ip: '10.0.0.2', created: 2, ready: false })],
    '10.0.0.2:7440',
  ],
  [
    'an old one that stays until the new one is ready',
    [pod('a', { ip: '10.0.0.1' }), pod('b', { ip: '10.0.0.2', created: 2, ready: false })],
    '10.0.0.1:7440',
  ],
  ['two that are ready', [pod('a', { ip: '10.0.0.1' }), pod('b', { ip: '10.0.0.2', created: 2 })], '10.0.0.2:7440'],
])('of a node with %s', (_what, pods, wanted) => {
  for (const each of [pods, [...pods].reverse()]) {
    const place = whereaboutsOf(each, 7440);
    if (typeof wanted === 'string') expect(place).toEqual({ address: wanted });
    else expect(place).toEqual({ address: undefined, why: expect.stringMatching(wanted) as string });
  }
});
