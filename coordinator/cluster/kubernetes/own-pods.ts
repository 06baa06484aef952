/** Pods that are Podferry itself: nobody can carry the boat in which they sit. */
import type { V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';

/** @param own the namespace of the coordinator. @throws Fault RuntimeUnsupported */
export function refuseOwn({ metadata }: V1Pod, own: string): void {
  if (metadata?.namespace !== own || metadata.labels?.['app.kubernetes.io/name'] !== 'podferry') return;
  const part = metadata.labels['app.kubernetes.io/component'] ?? 'part';
  throw new Fault(
    'RuntimeUnsupported',
    `pod ${own}/${metadata.name} is Podferry's own ${part}, which cannot be frozen while it moves pods: ` +
      (part === 'agent' ? 'its node keeps it' : 'delete it, and its owner makes another one elsewhere'),
  );
}
