/** Volumes that both nodes have at once move with their pod; nothing of them is carried, and others are refused. */
import { chown, cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { apply, runKubectl } from '../lab/kubernetes/kubectl.ts';
import { nfsInNode } from '../lab/layout.ts';
import { askCoordinator } from '../integration/ask-part.ts';
import { kubectlMigrate } from '../integration/attempt.ts';
import { otherThan } from '../integration/migrate.ts';
import { contentOf, fillRedis, RunningWriter } from '../workloads/redis.ts';
import { expectNothingLeft } from './leftovers.ts';
import {
  barePod,
  clusterIpOf,
  container,
  deployment,
  execIn,
  namespace,
  podsOf,
  podSpec,
  service,
  statefulSet,
  thePodOf,
  Workloads,
} from './workload.ts';

const lab = open();
const workloads = new Workloads(lab);
/** All nodes have this one, where a cluster would have an NFS export. */
const directory = 'volumes-test';
const shared = join(lab.layout.nfs, directory);
const redisUser = 1000;
const claim = 'data';

beforeEach(async () => {
  await mkdir(join(shared, 'part'), { recursive: true });
  for (const path of [shared, join(shared, 'part')]) await chown(path, redisUser, redisUser);
});

afterEach(async () => {
  await workloads.remove();
  // A claim stays as long as a pod has it.
  await runKubectl(lab, ['delete', '--ignore-not-found', '--timeout=60s', `pvc/${claim}`, `pv/${claim}`]);
  await rm(shared, { recursive: true });
  await expectNothingLeft(lab);
});

async function makeClaim(mode: string, more: object = {}): Promise<void> {
  const common = { accessModes: [mode], storageClassName: '' };
  const volume = {
    ...common,
    capacity: { storage: '1Gi' },
    persistentVolumeReclaimPolicy: 'Retain',
    hostPath: { path: join(nfsInNode, directory) },
    claimRef: { namespace, name: claim },
    ...more,
  };
  const wanted = { ...common, volumeName: claim, resources: { requests: { storage: '1Gi' } } };
  await apply(lab, [
    { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: claim }, spec: volume },
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: claim, namespace }, spec: wanted },
  ]);
  await runKubectl(lab, ['wait', '--for=jsonpath={.status.phase}=Bound', `pvc/${claim}`, '--timeout=30s']);
}

const volumes = [{ name: 'files', persistentVolumeClaim: { claimName: claim } }];
const at = (mountPath: string, more: object = {}) => ({ volumeMounts: [{ name: 'files', mountPath, ...more }] });

/** Of what Redis appends every write to. */
async function bytesAppended(within: string): Promise<number> {
  const files = await readdir(join(within, 'appendonlydir'));
  const sizes = files.map(async (file) => (await stat(join(within, 'appendonlydir', file))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

describe('a claim that many nodes can have', () => {
  it.each([
    ['as a whole', deployment, {}, shared],
    ['in part, by a StatefulSet', statefulSet, { subPath: 'part' }, join(shared, 'part')],
  ])('mounted %s: a Redis that appends to it moves there and back under a writer', async (_how, owner, how, within) => {
    await makeClaim('ReadWriteMany');
    await workloads.make(
      owner('redis', podSpec([container('redis', at('/data', how))], { volumes })),
      service('redis', 6379),
    );
    let placed = await thePodOf(lab, 'redis');
    const data = await fillRedis(lab, placed.ip, 5);
    const address = await clusterIpOf(lab, 'redis');
    const writer = await RunningWriter.start(lab, address, { place: otherThan(placed.node) });
    for (const _ of ['there', 'back']) {
      const target = otherThan(placed.node);
      const { code, stderr, migration } = await kubectlMigrate(lab, placed.name, '--to', target);
      expect(code, stderr).toBe(0);
      // The 5 MB that Redis has in memory, and not once more from its files.
      expect(migration?.bytes).toBeLessThan(30 << 20);
      placed = await thePodOf(lab, 'redis');
      expect(placed.node).toBe(target);
      const before = await bytesAppended(within);
      await expect.poll(async () => await bytesAppended(within), { timeout: 10_000 }).toBeGreaterThan(before);
    }
    expect(await writer.finish()).toMatchObject({ lost: 0 });
    expect(await contentOf(lab, placed.ip, 'w:')).toEqual(data);
    const persistence = await execIn(lab, placed.name, ['redis-cli', 'info', 'persistence']);
    expect(persistence).toContain('aof_last_write_status:ok');
    // Everything is in the files: one that starts from them has the same.
    await runKubectl(lab, ['delete', 'pod', placed.name, '--grace-period=5']);
    const again = await thePodOf(lab, 'redis');
    expect(await contentOf(lab, again.ip, 'w:')).toEqual(data);
  });

  it('is refused as long as somebody has a lock on it', async () => {
    await makeClaim('ReadWriteMany');
    await workloads.make(barePod('locking', podSpec([container('redis', at('/files'))], { volumes })));
    const { name, node } = await thePodOf(lab, 'locking');
    // The image has the C library, and no program that locks.
    await cp(join(lab.node(node).root, 'usr/bin/flock'), join(shared, 'flock'));
    const hold = '/files/flock /files/held sleep 60 >/dev/null 2>&1 </dev/null & sleep 1; ps | grep [f]lock';
    expect(await execIn(lab, name, ['sh', '-c', hold])).not.toBe('');
    await expectRefused('locking', 'KernelFeatureInUse', /holds a lock on \/files\/held/);
  });
});

/** And nothing is touched. */
async function expectRefused(app: string, reason: string, message: RegExp, target?: string): Promise<void> {
  const { name, uid, node } = await thePodOf(lab, app);
  const asked = await askCoordinator(lab, 'Migrate', {
    pod: { namespace, name },
    target_node: target ?? otherThan(node),
  });
  expect(asked).toMatchObject({ reason, replies: [] });
  expect(asked.message).toMatch(message);
  expect((await podsOf(lab, app)).map(({ metadata }) => metadata?.uid)).toEqual([uid]);
  await expectNothingLeft(lab);
}

describe('is refused', () => {
  it.each([
    ['ReadWriteOnce', /volume files is claim data, bound to data, which is ReadWriteOnce: two nodes cannot have it/],
    ['ReadWriteOncePod', /volume files is claim data, bound to data, which is ReadWriteOncePod: the source has it/],
  ])('a claim that is %s', async (mode, message) => {
    await makeClaim(mode);
    await workloads.make(barePod('one', podSpec([container('counter', at('/files'))], { volumes })));
    await expectRefused('one', 'HostPathVolume', message);
  });

  it('a claim whose volume is only for some nodes', async () => {
    const values = ['node-a'];
    const terms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values }] }];
    await makeClaim('ReadWriteMany', { nodeAffinity: { required: { nodeSelectorTerms: terms } } });
    await workloads.make(barePod('near', podSpec([container('counter', at('/files'))], { volumes })));
    await expectRefused('near', 'NodeNotReady', /node-b is not admitted by the node affinity of data/);
    // Nor is it picked.
    await expectRefused('near', 'NodeNotFound', /node-b is not admitted by the node affinity of data/, '');
  });

  it('a directory of the node, though it is the one that all have', async () => {
    const own = [{ name: 'files', hostPath: { path: join(nfsInNode, directory) } }];
    await workloads.make(barePod('own', podSpec([container('counter', at('/files'))], { volumes: own })));
    await expectRefused(
      'own',
      'HostPathVolume',
      /volume files is the directory \/srv\/podferry-nfs\/volumes-test of its/,
    );
  });
});
