/** Which volumes both nodes can have at once. */
import type { V1PersistentVolumeClaimSpec, V1PersistentVolumeSpec, V1Pod, V1Volume } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { type Claimed, judge } from '../../../coordinator/cluster/kubernetes/volumes.ts';

const target = { metadata: { name: 'node-b', labels: { zone: 'b' } } };

function podWith(volume: Partial<V1Volume>, mount: object = {}): V1Pod {
  const volumeMounts = [{ name: 'data', mountPath: '/data', ...mount }];
  const containers = [{ name: 'redis', volumeMounts }, { name: 'log' }];
  return { metadata: { namespace: 'n', name: 'p' }, spec: { containers, volumes: [{ name: 'data', ...volume }] } };
}

type Spec = Pick<V1PersistentVolumeSpec, 'accessModes' | 'volumeMode' | 'local' | 'hostPath' | 'nodeAffinity'>;
type ClaimSpec = Pick<V1PersistentVolumeClaimSpec, 'accessModes'>;

const nfs = { server: 'files', path: '/' };
const claimed = (spec: Spec, claim: ClaimSpec = {}, status = 'Bound'): Claimed => ({
  claim: { spec: { volumeName: 'pv', ...claim }, status: { phase: status } },
  volume: { metadata: { name: 'pv' }, spec: { nfs, ...spec } },
});
const judged = (of: Claimed | undefined, readOnly = false, mount: object = {}) =>
  judge(
    podWith({ persistentVolumeClaim: { claimName: 'c', readOnly } }, mount),
    new Map(of === undefined ? [] : [['c', of]]),
    target,
  );
const shared = { refusals: [], sharedMounts: ['redis:/data'], notThere: undefined };
const inZone = (zone: string) => ({
  required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }] },
});
const many = { accessModes: ['ReadWriteMany'] };

describe('a claim is shared', () => {
  it.each<[string, Spec, boolean, object]>([
    ['ReadWriteMany', many, false, {}],
    ['ReadWriteMany among others', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }, false, {}],
    ['ReadOnlyMany', { accessModes: ['ReadOnlyMany'] }, false, {}],
    ['one or the other, and a claim that only reads', { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] }, true, {}],
    [
      'one or the other, mounted to be read',
      { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] },
      false,
      { readOnly: true },
    ],
    ['of the target’s zone', { ...many, nodeAffinity: inZone('b') }, false, {}],
    ['a directory that is the same on all nodes, as it says', { ...many, hostPath: { path: '/srv' } }, false, {}],
    ['mounted in part', many, false, { subPath: 'x' }],
  ])('%s', (_what, spec, readOnly, mount) => {
    expect(judged(claimed(spec), readOnly, mount)).toEqual(shared);
  });
});

describe('a claim is refused', () => {
  it.each<[string, Claimed | undefined, RegExp]>([
    [
      'ReadWriteOnce',
      claimed({ accessModes: ['ReadWriteOnce'] }),
      /claim c, bound to pv, which is ReadWriteOnce: two nodes/,
    ],
    ['of one pod', claimed(many, { accessModes: ['ReadWriteOncePod'] }), /ReadWriteOncePod: the source has it/],
    [
      'one or the other, and written to',
      claimed({ accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] }),
      /mounted for writing/,
    ],
    ['a local disk', claimed({ ...many, local: { path: '/mnt' } }), /a local disk of its node/],
    ['bound to nothing', claimed(many, {}, 'Pending'), /bound to no volume/],
    ['whose volume is lost', { ...claimed(many), volume: undefined }, /bound to no volume/],
    ['that is not there', undefined, /does not exist/],
    [
      'on its way out',
      { ...claimed(many), claim: { metadata: { deletionTimestamp: new Date() }, status: { phase: 'Bound' } } },
      /being deleted/,
    ],
  ])('%s', (_what, of, message) => {
    const { refusals, sharedMounts } = judged(of);
    expect(sharedMounts).toEqual([]);
    expect(refusals).toEqual([{ reason: 'HostPathVolume', message: expect.stringMatching(message) }]);
    expect(refusals[0]?.message).toMatch(/^volume data is claim c/);
  });

  it('on a node that its volume is not for, and there alone', () => {
    expect(judged(claimed({ ...many, nodeAffinity: inZone('a') }))).toEqual({
      ...shared,
      notThere: 'node-b is not admitted by the node affinity of pv, which claim c is bound to',
    });
  });

  it('as a device', () => {
    const { refusals } = judged(claimed({ ...many, volumeMode: 'Block' }));
    expect(refusals).toEqual([
      { reason: 'DeviceAttached', message: expect.stringContaining('volume data is claim c') },
    ]);
  });

  it('mounted at a place that has the pod’s name in it', () => {
    const { refusals } = judged(claimed(many), false, { subPathExpr: '$(POD_NAME)' });
    expect(refusals).toEqual([
      { reason: 'HostPathVolume', message: expect.stringContaining('$(POD_NAME) of volume data') },
    ]);
  });
});

describe('without a claim', () => {
  it.each<[string, Partial<V1Volume>]>([
    ['nfs', { nfs }],
    ['cephfs', { cephfs: { monitors: ['m'] } }],
  ])('%s is shared', (_kind, volume) => {
    expect(judge(podWith(volume), new Map(), undefined)).toEqual(shared);
  });

  it.each<[string, Partial<V1Volume>]>([
    ['emptyDir', { emptyDir: {} }],
    ['a ConfigMap', { configMap: { name: 'x' } }],
    ['a Secret', { secret: { secretName: 'x' } }],
    ['a token', { projected: { sources: [] } }],
  ])('%s is somebody else’s affair', (_kind, volume) => {
    expect(judge(podWith(volume), new Map(), undefined)).toEqual({ ...shared, sharedMounts: [] });
  });

  it.each<[string, Partial<V1Volume>, RegExp]>([
    ['hostPath', { hostPath: { path: '/srv' } }, /^volume data is the directory \/srv of its node: .*stay behind/],
    ['inline CSI', { csi: { driver: 'd' } }, /^volume data is of the kind csi, /],
    ['ephemeral', { ephemeral: {} }, /kind ephemeral/],
    ['iSCSI', { iscsi: { iqn: 'i', lun: 0, targetPortal: 't' } }, /kind iscsi/],
  ])('%s is refused', (_kind, volume, message) => {
    const { refusals, sharedMounts } = judge(podWith(volume), new Map(), undefined);
    expect(sharedMounts).toEqual([]);
    expect(refusals).toEqual([{ reason: 'HostPathVolume', message: expect.stringMatching(message) }]);
  });
});
