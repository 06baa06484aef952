/** What kubelet has mounted into a container: what it mounts at the target by itself, and what we carry. */
import type { ContainerConfig } from '../runtime/runtime.ts';

export interface Volume {
  name: string;
  /** What its tree is called on the way: names of volumes may be too long for that. */
  tree: string;
  /** In the container. */
  mountPoint: string;
  /** On the node. */
  directory: string;
}

/** Kinds that kubelet fills itself, from the same objects wherever the pod runs. */
const remade = /^volumes\/kubernetes\.io~(projected|secret|configmap|downward-api)\//;
const emptyDir = /^volumes\/kubernetes\.io~empty-dir\/([^/]+)$/;

/** Within kubelet's directory of the pod; undefined for anything else. */
function placeOf(hostPath: string, uid: string): string | undefined {
  const [, place] = /\/pods\/([^/]+\/.+)$/.exec(hostPath) ?? [];
  return place?.startsWith(`${uid}/`) === true ? place.slice(uid.length + 1) : undefined;
}

/** emptyDir volumes, in memory or on disk. */
export function emptyDirs({ mounts }: ContainerConfig, uid: string): Volume[] {
  return mounts.flatMap(({ host_path: directory, container_path: mountPoint }, at) => {
    const name = emptyDir.exec(placeOf(directory, uid) ?? '')?.[1];
    return name === undefined ? [] : [{ name, tree: `volume-${at}`, mountPoint, directory }];
  });
}

/** Mounts whose content would stay behind, unless the target has the same. */
export function nodeMounts({ mounts }: ContainerConfig, uid: string): ContainerConfig['mounts'] {
  return mounts.filter(({ image, host_path }) => image === null && !isKubelets(placeOf(host_path, uid)));
}

function isKubelets(place: string | undefined): boolean {
  if (place === undefined) return false;
  return (
    place === 'etc-hosts' || /^containers\/[^/]+\/[^/]+$/.test(place) || remade.test(place) || emptyDir.test(place)
  );
}
