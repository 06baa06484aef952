/**
 * The pod object that arrives: what the source's is, made for another node, and nobody's as long as it has not taken
 * over. A controller that counted it too early would remove the one or the other. Pure.
 */
import type { V1OwnerReference, V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../../proto/fault.ts';
import type { Plan } from '../../request.ts';

/** The RuntimeClass whose handler calls our wrapper. */
export const runtimeClass = 'podferry';

export const migrationAnnotation = 'podferry.dev/migration';

const longestName = 63;

/** Whether a pod's owner knows it by its name, so that the target has to have the same. */
export function keepsItsName(pod: V1Pod): boolean {
  return controllerOf(pod)?.kind === 'StatefulSet';
}

/** The same pod, as somebody else could make it. */
export function withoutMigration({ apiVersion, kind, metadata, spec }: V1Pod): V1Pod {
  const { [migrationAnnotation]: _ours, ...annotations } = metadata?.annotations ?? {};
  const { namespace, name, labels } = metadata ?? {};
  return {
    ...(apiVersion !== undefined && { apiVersion }),
    ...(kind !== undefined && { kind }),
    metadata: {
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && { name }),
      ...(labels !== undefined && { labels }),
      annotations,
    },
    ...(spec !== undefined && { spec }),
  };
}

/** A new name, that of its owner's other pods in style; the same for the same migration, whoever asks. */
export function targetNameOf(source: V1Pod, migration: string): string {
  if (keepsItsName(source)) return source.metadata?.name ?? '';
  const suffix = suffixOf(migration);
  const { name = '', generateName } = source.metadata ?? {};
  // One that was moved before gives its own suffix away, not its name.
  const moved = source.metadata?.annotations?.[migrationAnnotation];
  const own = moved === undefined ? name : name.replace(new RegExp(`-${suffixOf(moved)}$`), '');
  const stem = generateName ?? `${own}-`;
  return `${stem.slice(0, longestName - suffix.length)}${suffix}`;
}

function suffixOf(migration: string): string {
  return migration.replace(/^(mig|cpy)-/, '').slice(0, 8);
}

/** Who counts the pod and makes another one when it is gone. */
export function controllerOf({ metadata }: V1Pod): V1OwnerReference | undefined {
  return metadata?.ownerReferences?.find(({ controller }) => controller === true);
}

/**
 * @param heldBack labels by which its controller would know it: they come at the take-over
 */
export function targetPodOf(source: V1Pod, plan: Plan, heldBack: readonly string[]): V1Pod {
  const { metadata, spec } = source;
  const { target_pod } = plan;
  if (target_pod === null || spec === undefined) throw new Fault('Internal', 'no pod object is planned');
  // Admission fills these in again, for the runtime class.
  const { nodeName: _old, overhead: _overhead, ephemeralContainers: _debug, ...rest } = spec;
  const labels = Object.entries(metadata?.labels ?? {}).filter(([name]) => !heldBack.includes(name));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: target_pod.namespace,
      name: target_pod.name,
      ...(metadata?.generateName !== undefined && { generateName: metadata.generateName }),
      labels: Object.fromEntries(labels),
      annotations: { ...annotationsOf(source, plan), [migrationAnnotation]: plan.id },
      // Others take it over when it runs.
      ...(keepsItsName(source) && { ownerReferences: metadata?.ownerReferences ?? [] }),
    },
    spec: {
      ...rest,
      // Past the scheduler, which would take time and might decide otherwise; examine() asks what it would ask.
      nodeName: plan.target_node,
      runtimeClassName: runtimeClass,
      // The processes know themselves by it.
      hostname: spec.hostname ?? hostnameOf(metadata?.name ?? ''),
      // They have done what they do before the others start, but for those that stay beside them.
      initContainers: (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
    },
  };
}

/** With the source's addresses only where they move along; else two pods would have them. */
function annotationsOf({ metadata, status }: V1Pod, { network, address_annotation }: Plan): Record<string, string> {
  const { [address_annotation]: _addresses, ...others } = metadata?.annotations ?? {};
  if (network !== 'keep_address') return others;
  const addresses = status?.podIPs?.map(({ ip }) => ip) ?? [];
  if (addresses.length === 0)
    throw new Fault('TargetPrepareFailed', `pod ${metadata?.name} has no address yet that could move along`);
  return { ...others, [address_annotation]: JSON.stringify(addresses) };
}

/** As kubelet makes it from a pod's name. */
function hostnameOf(name: string): string {
  return name.slice(0, longestName).replace(/[-.]+$/, '');
}
