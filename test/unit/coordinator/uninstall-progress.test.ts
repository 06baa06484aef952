/** How far a node is, from what its pod says, and when there is nothing more to wait for. */
import type { V1ContainerStatus, V1Node, V1Pod } from '@kubernetes/client-node';
import { expect, it } from 'vitest';
import { type NodeState, statesOf, verdictOf } from '../../../coordinator/uninstall/progress.ts';

function node(name: string, status = 'True', labels = {}): V1Node {
  return { metadata: { name, labels }, status: { conditions: [{ type: 'Ready', status }] } };
}

function pod(status: V1Pod['status'], spec: Partial<V1Pod['spec']> = { nodeName: 'a' }, metadata = {}): V1Pod {
  return { metadata, spec: { containers: [], ...spec }, ...(status !== undefined && { status }) };
}

const container = (state: Partial<V1ContainerStatus>): V1Pod['status'] => ({
  initContainerStatuses: [{ name: 'uninstall', image: '', imageID: '', ready: false, restartCount: 0, ...state }],
});
const over = (exitCode: number, message: string) => ({ terminated: { exitCode, message } });

const stateOf = (of: V1Pod | undefined, ready = 'True') =>
  statesOf([node('a', ready)], of === undefined ? [] : [of]).get('a');

it.each<[string, V1Pod | undefined, NodeState]>([
  ['has no pod', undefined, { is: 'pending', why: 'it has no pod for it yet' }],
  ['has one that nobody has begun with', pod({}), { is: 'pending', why: 'its pod has not started' }],
  [
    'lacks the image',
    pod(container({ state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } })),
    { is: 'pending', why: 'its pod has not started: no such image' },
  ],
  [
    'has no room',
    pod(
      { conditions: [{ type: 'PodScheduled', status: 'False', message: 'too many pods' }] },
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }],
            },
          },
        },
      },
    ),
    { is: 'pending', why: 'its pod has not started: too many pods' },
  ],
  ['is being cleaned', pod(container({ state: { running: {} } })), { is: 'pending', why: 'it is being cleaned' }],
  ['is clean', pod(container({ state: over(0, '') })), { is: 'clean' }],
  ['refuses', pod(container({ state: over(2, 'no') })), { is: 'refused', why: 'no' }],
  [
    'refuses again and again',
    pod(container({ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: over(2, 'no') })),
    { is: 'refused', why: 'no' },
  ],
  ['fails', pod(container({ state: over(1, 'disk full') })), { is: 'failed', why: 'disk full' }],
  ['was killed', pod(container({ state: { terminated: { exitCode: 137 } } })), { is: 'failed', why: 'exit code 137' }],
  [
    'tries again',
    pod(container({ state: { running: {} }, lastState: over(1, 'disk full') })),
    { is: 'pending', why: 'it is tried again, after: disk full' },
  ],
  [
    'has lost its pod',
    pod(container({ state: over(0, '') }), { nodeName: 'a' }, { deletionTimestamp: new Date() }),
    { is: 'pending', why: 'it has no pod for it yet' },
  ],
  [
    'has the pod of another',
    pod(container({ state: over(0, '') }), { nodeName: 'b' }),
    { is: 'pending', why: 'it has no pod for it yet' },
  ],
])('a node that %s', (_what, of, state) => {
  expect(stateOf(of)).toEqual(state);
});

it('keeps the last lines of what it said', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const state = stateOf(pod(container({ state: over(1, `${lines.join('\n')}\n`) })));
  const said = state?.is === 'failed' ? state.why.split(/\n */) : [];
  expect(said).toEqual(lines.slice(-12));
});

it('a node that is not ready is lost, unless it is done already or at it', () => {
  expect(stateOf(undefined, 'Unknown')).toEqual({ is: 'lost' });
  expect(stateOf(pod({}), 'False')).toEqual({ is: 'lost' });
  expect(stateOf(pod(container({ state: over(0, '') })), 'Unknown')).toEqual({ is: 'clean' });
  expect(stateOf(pod(container({ state: { running: {} } })), 'Unknown')).toMatchObject({ is: 'pending' });
});

it('asks nothing of nodes that are not meant', () => {
  const nodes = [node('a', 'True', { os: 'linux', zone: 'x' }), node('b', 'True', { os: 'windows' })];
  expect([...statesOf(nodes, [], { nodeSelector: { os: 'linux' } }).keys()]).toEqual(['a']);
  const oneOf = (values: string[]) => {
    const nodeSelectorTerms = [{ matchExpressions: [{ key: 'os', operator: 'In', values }] }];
    return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } };
  };
  expect([...statesOf(nodes, [], oneOf(['windows', 'plan9'])).keys()]).toEqual(['b']);
  expect([...statesOf(nodes, [], oneOf(['windows', 'linux'])).keys()]).toEqual(['a', 'b']);
  expect([...statesOf(nodes, []).keys()]).toEqual(['a', 'b']);
});

it.each<[NodeState['is'][], string]>([
  [[], 'clean'],
  [['clean', 'clean'], 'clean'],
  [['clean', 'pending'], 'wait'],
  [['clean', 'failed'], 'wait'],
  [['clean', 'lost'], 'wait'],
  [['refused', 'pending'], 'wait'],
  [['refused', 'clean'], 'failed'],
  [['refused', 'failed', 'lost'], 'failed'],
])('%j: %s', (all, verdict) => {
  const states = all.map((is, index): [string, NodeState] => [`node-${index}`, { is, why: '' }]);
  expect(verdictOf(new Map(states))).toBe(verdict);
});
