/** A pod as its checkpoint keeps it, so that it can be made again when it is gone. Pure. */
import type { V1Pod, V1PodSpec } from '@kubernetes/client-node';

/** As Kubernetes' own, with what a name is made from. */
export interface PodTemplate {
  metadata: { generateName?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: V1PodSpec;
}

/** What a copy comes from. */
export const checkpointAnnotation = 'podferry.dev/checkpoint';

export function templateOf({ metadata, spec }: V1Pod): PodTemplate {
  const { generateName, labels, annotations } = metadata ?? {};
  return {
    metadata: {
      ...(generateName !== undefined && { generateName }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    },
    spec: spec ?? { containers: [] },
  };
}

/** What a copy is made from. @param name as the pod was called. @param checkpoint the object's name */
export function podOf({ metadata, spec }: PodTemplate, namespace: string, name: string, checkpoint: string): V1Pod {
  const annotations = { ...metadata.annotations, [checkpointAnnotation]: checkpoint };
  return { metadata: { ...metadata, annotations, namespace, name }, spec };
}
