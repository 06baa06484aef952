/** The runtime handler `podferry`, like the node's own for runc but for what is called. Pure. */
import { handlersOf, type Table } from './containerd-config.ts';

/** What makes a pod of one handler another one: kept, so that a pod that moves is the same at its target. */
const kept = ['base_runtime_spec', 'cni_conf_dir', 'cni_max_conf_num', 'snapshotter'];

/** @param effective containerd's dump of its configuration */
export function handlerLike(effective: Table, wrapper: string): Table {
  const own = ownHandler(effective);
  const options = (own['options'] ?? {}) as Table;
  const like = kept.map((key) => [key, own[key]] as const).filter(([, value]) => Boolean(value));
  return {
    runtime_type: 'io.containerd.runc.v2',
    pod_annotations: ['podferry.dev/*'],
    container_annotations: ['podferry.dev/*', 'org.criu.config'],
    ...(Object.fromEntries(like) as Table),
    options: { BinaryName: wrapper, SystemdCgroup: options['SystemdCgroup'] === true },
  };
}

/** What containerd calls for runc: a path or a name. */
export function runcOf(effective: Table): string {
  const { BinaryName } = (ownHandler(effective)['options'] ?? {}) as Table;
  return typeof BinaryName === 'string' && BinaryName !== '' ? BinaryName : 'runc';
}

function ownHandler(effective: Table): Table {
  return handlersOf(effective)['runc'] ?? {};
}
