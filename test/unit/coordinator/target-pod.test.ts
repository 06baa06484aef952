/** The pod object that arrives asks for the source's addresses only where these move along. */
import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { targetPodOf } from '../../../coordinator/cluster/kubernetes/target-pod.ts';
import type { Plan } from '../../../coordinator/request.ts';

const annotation = 'cni.projectcalico.org/ipAddrs';
const plan = (network: Plan['network'], address_annotation = annotation) =>
  ({
    id: 'mig-1',
    network,
    address_annotation,
    target_node: 'node-b',
    target_pod: { namespace: 'shop', name: 'redis-2', uid: '' },
  }) as Plan;
const source = (annotations: Record<string, string>, ips: string[]): V1Pod => ({
  metadata: { namespace: 'shop', name: 'redis', annotations },
  spec: { containers: [] },
  status: { podIPs: ips.map((ip) => ({ ip })) },
});
const ours = { 'podferry.dev/migration': 'mig-1' };
const annotationsOf = (pod: V1Pod) => pod.metadata?.annotations;

describe('annotations of a target', () => {
  const moved = source({ note: 'kept', [annotation]: '["10.88.0.6"]' }, ['10.88.0.7', 'fd00::7']);

  it('have the addresses that the source has', () => {
    const wanted = { note: 'kept', [annotation]: '["10.88.0.7","fd00::7"]', ...ours };
    expect(annotationsOf(targetPodOf(moved, plan('keep_address'), []))).toEqual(wanted);
  });

  it.each(['translate', 'close'] as const)('have none with network %s: two pods would have them', (network) => {
    expect(annotationsOf(targetPodOf(moved, plan(network), []))).toEqual({ note: 'kept', ...ours });
  });

  it('are as they were where nobody knows of such a one', () => {
    const same = { note: 'kept', [annotation]: '["10.88.0.6"]', ...ours };
    expect(annotationsOf(targetPodOf(moved, plan('translate', ''), []))).toEqual(same);
  });

  it('cannot be made of a pod without an address', () => {
    expect(() => targetPodOf(source({}, []), plan('keep_address'), [])).toThrow(/no address yet/);
  });
});
