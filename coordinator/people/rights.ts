/** What a call takes, in the words of Kubernetes: whoever may do it with kubectl may ask for it here. Pure. */
import { Fault } from '../../proto/fault.ts';
import { podCheckpoints } from '../checkpoint/pod-checkpoint.ts';
import { group, plural } from '../resource/pod-migration.ts';

export interface Right {
  verb: 'create' | 'delete' | 'get' | 'list' | 'watch';
  /** Empty: the core group. */
  group: string;
  resource: string;
  /** Undefined: in all of the cluster. */
  namespace: string | undefined;
}

export function toMigrations(verb: Right['verb'], namespace: string | undefined): Right {
  return { verb, group, resource: plural, namespace };
}

export function toCheckpoints(verb: Right['verb'], namespace: string | undefined): Right {
  return { verb, group, resource: podCheckpoints.plural, namespace };
}

export function toMakePods(namespace: string): Right {
  return { verb: 'create', group: '', resource: 'pods', namespace };
}

export const toListNodes: Right = { verb: 'list', group: '', resource: 'nodes', namespace: undefined };

export function toListPods(namespace: string | undefined): Right {
  return { verb: 'list', group: '', resource: 'pods', namespace };
}

/** @param user as the API server knows it */
export function denied(user: string, { verb, group: of, resource, namespace }: Right): Fault {
  const what = of === '' ? resource : `${resource}.${of}`;
  const where = namespace === undefined ? 'in all of the cluster' : `in namespace ${namespace}`;
  return new Fault('PermissionDenied', `${user} may not ${verb} ${what} ${where}: ${remedy(verb, of, namespace)}`);
}

function remedy(verb: Right['verb'], of: string, namespace: string | undefined): string {
  const binding = namespace === undefined ? 'a ClusterRoleBinding' : `a RoleBinding in ${namespace}`;
  if (of !== group) return `a role that allows it has to be bound to them by ${binding}`;
  const role = verb === 'create' || verb === 'delete' ? 'edit' : 'view';
  return `ClusterRole podferry-${role} (charts/podferry/files/user-role.yaml), or ${role}, has to be bound to them by ${binding}`;
}
