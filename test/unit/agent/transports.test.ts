/** What an agent has that was started with, or without, a directory that nodes share. */
import { expect, it } from 'vitest';
import { Agent } from '../../../agent/agent.ts';
import { NodePaths } from '../../../agent/paths.ts';
import type { NodeSituation } from '../../../agent/preflight/situation.ts';
import { connect } from '../../../agent/runtime/containerd.ts';
import { openTransports } from '../../../agent/transfer/open.ts';
import { pino } from 'pino';
import { openIdentity } from '../../../proto/identity.ts';

const log = pino({ level: 'silent' });

async function agentWith(nfsDirectory: string | undefined, nfsUsable: boolean): Promise<Agent> {
  const identity = openIdentity(undefined, log);
  const situation: NodeSituation = {
    ...{
      node: 'node-a',
      kernel: '',
      runc: '',
      criu: '',
      criuFeatures: [],
      networkFeatures: [],
      cgroupVersion: 1,
      cpuFlags: [],
    },
    ...{ stagingBytesFree: 0, wrapper: '', problems: [], nfsDirectory, nfsUsable },
  };
  const containerd = '/nowhere/containerd.sock';
  const transports = await openTransports({ address: '127.0.0.1:0', identity, nfsDirectory, log });
  return new Agent({
    paths: new NodePaths('/nowhere'),
    runtime: connect(containerd),
    containerd,
    transports,
    situation,
    keptLogs: { directory: '/nowhere', most: 0 },
    log,
  });
}

it.each([
  ['was started without one', undefined, false],
  ['does not find the one that it was told of', '/nowhere', false],
])('an agent that %s takes no checkpoint and starts none', async (_what, directory, usable) => {
  const agent = await agentWith(directory, usable);
  const unavailable = expect.objectContaining({ reason: 'TransportUnavailable' });
  expect(() => agent.sending({ transport: 'directory' })).toThrow(unavailable);
  expect(() => agent.sending({ transport: 'nfs' })).toThrow(unavailable);
  expect(() => agent.checkpoints()).toThrow(unavailable);
  expect(agent.sending({ transport: 'stream' }).name).toBe('stream');
});

it('with one it has all three', async () => {
  const agent = await agentWith('/nowhere', true);
  for (const transport of ['stream', 'nfs', 'directory'] as const)
    expect(agent.sending({ transport }).name).toBe(transport);
});
