/**
 * A plan may be that of half a migration: what a pod has leaves it and waits as a checkpoint, or what waits becomes a
 * pod. The side that is not there has no node. The one place that knows the one from the other.
 */
import { Fault } from './fault.ts';
import type { Plan__Output } from './gen/podferry/v1/Plan.ts';

export type Half = 'whole' | 'checkpoint' | 'copy';

type Parts = Pick<Plan__Output, 'id' | 'source_node' | 'target_node' | 'transport' | 'checkpoint' | 'target_pod'>;

const digestForm = /^sha256:[0-9a-f]{64}$/;

/** @throws Fault SameNode, InvalidArgument for a plan whose parts do not fit together, whatever else it says */
export function halfOf({ id, source_node, target_node, transport, checkpoint, target_pod }: Parts): Half {
  const refused = (why: string) => new Fault('InvalidArgument', `the plan of ${id} ${why}`);
  if (checkpoint === null) {
    if (source_node === target_node) {
      throw new Fault('SameNode', `${id} has ${JSON.stringify(source_node)} as its source and its target`);
    }
    if (transport === 'directory') throw refused('has transport directory, but no checkpoint');
    if (source_node === '' || target_node === '') throw refused('lacks a node');
    return 'whole';
  }
  if (transport !== 'directory') throw refused('names a checkpoint: its transport is directory');
  if (source_node !== '' && target_node === '') {
    if (checkpoint.id !== id)
      throw refused(`makes checkpoint ${JSON.stringify(checkpoint.id)}: its name is the plan's own`);
    return 'checkpoint';
  }
  if (source_node === '' && target_node !== '') {
    if (!digestForm.test(checkpoint.digest))
      throw refused('starts from a checkpoint without the digest that it must have');
    if (target_pod === null) throw refused('starts from a checkpoint, but names no pod that kubelet would start');
    return 'copy';
  }
  throw refused('names a checkpoint: it has one node, that of the pod which leaves or of the one which comes');
}
