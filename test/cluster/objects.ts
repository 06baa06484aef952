/** Objects that tests give to Kubernetes, with all that is the same in each of them left out. */
import type { V1Container, V1Deployment, V1PodSpec, V1Service, V1StatefulSet } from '@kubernetes/client-node';
import type { NodeName } from '../lab/index.ts';

export interface Workload {
  name: string;
  namespace: string;
  /** `redis` stands for `podferry.dev/redis:lab`. */
  image: string;
  /** Where its pods have to run; anywhere unless told. */
  node?: NodeName;
  replicas?: number;
  container?: Partial<V1Container>;
  pod?: Partial<V1PodSpec>;
}

/** Under our handler, as everything is that can be moved. */
function podTemplate({ name, image, node, container, pod }: Workload) {
  return {
    metadata: { labels: { app: name } },
    spec: {
      runtimeClassName: 'podferry',
      // Programs of the lab end at once when they are killed, and those of a test need not be asked first.
      terminationGracePeriodSeconds: 1,
      ...(node && { nodeSelector: { 'kubernetes.io/hostname': node } }),
      containers: [{ name, image: `podferry.dev/${image}:lab`, imagePullPolicy: 'Never', ...container }],
      ...pod,
    },
  };
}

export function deployment(workload: Workload): V1Deployment {
  const { name, namespace, replicas = 1 } = workload;
  const spec = { replicas, selector: { matchLabels: { app: name } }, template: podTemplate(workload) };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec };
}

export function statefulSet(workload: Workload): V1StatefulSet {
  const { name, namespace, replicas = 1 } = workload;
  const selector = { matchLabels: { app: name } };
  const spec = { replicas, serviceName: name, selector, template: podTemplate(workload) };
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name, namespace }, spec };
}

/** A ClusterIP before the pods of a workload. */
export function service({ name, namespace }: Pick<Workload, 'name' | 'namespace'>, port: number): V1Service {
  const spec = { selector: { app: name }, ports: [{ port }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec };
}
