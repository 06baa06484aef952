/** The pod of an owner in a cluster, behind a Service. Its clients are on the node that it moves to. */
import type { V1PodSpec } from '@kubernetes/client-node';
import { otherThan } from '../../integration/migrate.ts';
import type { Lab } from '../../lab/index.ts';
import { runKubectl } from '../../lab/kubernetes/kubectl.ts';
import {
  clusterIpOf,
  container,
  deployment,
  podSpec,
  service,
  statefulSet,
  thePodOf,
  Workloads,
} from '../../cluster/workload.ts';
import type { OwnedWorkload } from '../gap-cell.ts';
import { fill } from '../redis.ts';
import { type Movable, moveTo } from './movable.ts';

const name = 'redis';

export async function owned(
  lab: Lab,
  workload: OwnedWorkload,
  sizeMb: number,
  connectionLinger: string,
): Promise<Movable> {
  const workloads = new Workloads(lab);
  await workloads.make(objectOf(workload, podSpec([container('redis')])), service(name, 6379));
  const address = await clusterIpOf(lab, name);
  return {
    workload,
    ways: ['podferry', 'recreate'],
    async find() {
      const { node, ip } = await thePodOf(lab, name);
      // One that was made again is empty.
      const keys = await lab.run(node, ['redis-cli', '-h', ip, 'dbsize']);
      if (Number(keys.replace(/\D/g, '')) < 1_000) await fill(lab, node, ip, sizeMb);
      return { address, place: otherThan(node) };
    },
    async leave(way) {
      const { name: podName, node } = await thePodOf(lab, name);
      if (way === 'podferry')
        return { address, migration: await moveTo(lab, podName, otherThan(node), connectionLinger) };
      await runKubectl(lab, ['delete', 'pod', podName, '--wait=false']);
      await thePodOf(lab, name);
      return { address };
    },
    async remove() {
      await workloads.remove();
    },
  };
}

function objectOf(workload: OwnedWorkload, spec: V1PodSpec): object {
  switch (workload) {
    case 'deployment':
      return deployment(name, spec);
    case 'statefulset':
      return statefulSet(name, spec);
  }
}
