/**
 * Which of a pod's volumes its target has just as its source does. Nothing of them is carried, both mount the same;
 * that what a volume says of itself is true is its administrator's affair. Everything else that kubelet does not fill
 * from the API server would stay behind, and is refused.
 */
import type { V1Node, V1PersistentVolume, V1PersistentVolumeClaim, V1Pod, V1Volume } from '@kubernetes/client-node';
import type { Refusal } from '../../migration/preflight.ts';
import { apiFault, bounded, ifThere, type Kubernetes } from './client.ts';
import { matches } from './room.ts';

export interface Volumes {
  refusals: Refusal[];
  /** Mounts that need not be carried: CONTAINER:MOUNT_PATH. */
  sharedMounts: string[];
  /** Why the node in question is not one that has them, while others may be. */
  notThere: string | undefined;
}

/** What is behind the name of a claim. */
export interface Claimed {
  claim: V1PersistentVolumeClaim | undefined;
  volume: V1PersistentVolume | undefined;
}

/** Filled by kubelet from the same objects or images wherever the pod runs, or carried by the agents. */
const remade = ['emptyDir', 'configMap', 'secret', 'projected', 'downwardAPI', 'image'];
/** Of a server that all nodes reach. */
const ofTheNetwork = ['nfs', 'cephfs'];

/** @param target the node's name */
export async function lookAtVolumes(
  { core }: Pick<Kubernetes, 'core'>,
  pod: V1Pod,
  target: string,
  signal: AbortSignal,
): Promise<Volumes> {
  const namespace = pod.metadata?.namespace ?? '';
  const names = (pod.spec?.volumes ?? []).flatMap((each) => each.persistentVolumeClaim?.claimName ?? []);
  if (names.length === 0) return judge(pod, new Map(), undefined);
  const look = async (name: string): Promise<[string, Claimed]> => {
    const claim = await ifThere(core.readNamespacedPersistentVolumeClaim({ namespace, name }, bounded(signal)));
    const bound = claim?.spec?.volumeName;
    if (bound === undefined || bound === '') return [name, { claim, volume: undefined }];
    return [name, { claim, volume: await ifThere(core.readPersistentVolume({ name: bound }, bounded(signal))) }];
  };
  try {
    const claims = new Map(await Promise.all(names.map(look)));
    return judge(pod, claims, await ifThere(core.readNode({ name: target }, bounded(signal))));
  } catch (error) {
    throw apiFault(error, `looking at the volumes of pod ${namespace}/${pod.metadata?.name ?? ''}`);
  }
}

/** Pure. @param claims by name */
export function judge(pod: V1Pod, claims: ReadonlyMap<string, Claimed>, target: V1Node | undefined): Volumes {
  const refusals: Refusal[] = [];
  const shared = new Set<string>();
  for (const volume of pod.spec?.volumes ?? []) {
    const kind = kindOf(volume);
    if (remade.includes(kind)) continue;
    const why = ofTheNetwork.includes(kind) ? undefined : whyNot(pod, volume, kind, claims);
    if (why === undefined) shared.add(volume.name);
    else refusals.push({ ...why, message: `volume ${volume.name} is ${why.message}` });
  }
  const notThere = [...claims].flatMap(([name, { volume }]) => notAdmitted(name, volume, target) ?? [])[0];
  const sharedMounts: string[] = [];
  for (const { name, volumeMounts } of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    for (const { name: volume, mountPath, subPathExpr } of volumeMounts ?? []) {
      if (!shared.has(volume)) continue;
      sharedMounts.push(`${name}:${mountPath}`);
      if (subPathExpr === undefined || subPathExpr === '') continue;
      const what = `container ${name} mounts ${subPathExpr} of volume ${volume}`;
      const message = `${what}: at the target that can be another directory; use subPath`;
      refusals.push({ reason: 'HostPathVolume', message });
    }
  }
  return { refusals, sharedMounts, notThere };
}

function kindOf(volume: V1Volume): string {
  const [kind] = Object.entries(volume).find(([key, value]) => key !== 'name' && value !== undefined) ?? [];
  return kind ?? 'emptyDir';
}

function whyNot(pod: V1Pod, volume: V1Volume, kind: string, claims: ReadonlyMap<string, Claimed>): Refusal | undefined {
  const { persistentVolumeClaim: source, hostPath } = volume;
  if (hostPath !== undefined) return staysBehind(`the directory ${hostPath.path} of its node`);
  if (source === undefined) return staysBehind(`of the kind ${kind}, which is made for one pod on one node`);
  const { claim, volume: bound } = claims.get(source.claimName) ?? { claim: undefined, volume: undefined };
  const what = `claim ${source.claimName}`;
  if (claim === undefined) return refusal(`${what}, which does not exist`);
  if (claim.metadata?.deletionTimestamp !== undefined)
    return refusal(`${what}, which is being deleted: no other pod can have it any more`);
  if (bound === undefined || claim.status?.phase !== 'Bound') return refusal(`${what}, which is bound to no volume`);
  const isRead = source.readOnly === true || isOnlyRead(pod, volume.name);
  const why = whyNotBoth(bound, claim, isRead);
  return why && { ...why, message: `${what}, bound to ${bound.metadata?.name ?? ''}, ${why.message}` };
}

function whyNotBoth(
  { spec }: V1PersistentVolume,
  claim: V1PersistentVolumeClaim,
  isRead: boolean,
): Refusal | undefined {
  if (spec?.volumeMode === 'Block') return { reason: 'DeviceAttached', message: 'a block device, which stays behind' };
  if (spec?.local !== undefined) return staysBehind('a local disk of its node');
  const modes = spec?.accessModes ?? [];
  const among = `which is ${modes.join(', ')}`;
  if (claim.spec?.accessModes?.includes('ReadWriteOncePod') === true)
    return refusal('which is ReadWriteOncePod: the source has it until the target runs');
  if (!modes.includes('ReadWriteMany')) {
    if (!modes.includes('ReadOnlyMany')) return refusal(`${among}: two nodes cannot have it at once`);
    // What can be either is written to by one node alone.
    if (modes.length > 1 && !isRead) return refusal(`${among}, and mounted for writing: two nodes can only read it`);
  }
  return undefined;
}

function notAdmitted(
  claim: string,
  volume: V1PersistentVolume | undefined,
  node: V1Node | undefined,
): string | undefined {
  const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  const { name = '', labels = {} } = node?.metadata ?? {};
  if (terms === undefined || terms.some((term) => matches(term, labels, name))) return undefined;
  return `${name} is not admitted by the node affinity of ${volume?.metadata?.name ?? ''}, which claim ${claim} is bound to`;
}

function isOnlyRead({ spec }: V1Pod, volume: string): boolean {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const mounts = containers.flatMap(({ volumeMounts }) => volumeMounts ?? []);
  return mounts.every(({ name, readOnly }) => name !== volume || readOnly === true);
}

function refusal(message: string): Refusal {
  return { reason: 'HostPathVolume', message };
}

function staysBehind(what: string): Refusal {
  return refusal(`${what}: its content would stay behind`);
}
