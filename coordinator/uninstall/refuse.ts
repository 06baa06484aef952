/** What is against taking Podferry off a cluster, all of it at once, each with what to do. Pure. */
import type { V1Pod } from '@kubernetes/client-node';
import { isBeingDeleted, podCheckpoints, stateOf } from '../checkpoint/pod-checkpoint.ts';
import type { Resource } from '../resource/objects.ts';
import { finalizer, hasEnded, isHeld } from '../resource/pod-migration.ts';
import type { Situation } from './look.ts';

/** More than that nobody reads. */
const shown = 10;

export const wayBack = 'helm rollback RELEASE REVISION brings it back, REVISION as helm history says';

/** @param keepsResources PodMigrations and PodCheckpoints stay, and so do their definitions */
export function refusals(
  { migrations, checkpoints, pods, hasCoordinator }: Situation,
  keepsResources: boolean,
): string[] {
  const moving = migrations.filter((each) => !hasEnded(each));
  const taking = checkpoints.filter((each) => ['new', 'underWay'].includes(stateOf(each)) && !isBeingDeleted(each));
  const leaving = [
    ...migrations.filter((each) => hasEnded(each) && isHeld(each)).map((each) => `PodMigration ${nameOf(each)}`),
    ...checkpoints.filter(isBeingDeleted).map((each) => `PodCheckpoint ${nameOf(each)}`),
  ];
  const held = [...migrations, ...checkpoints].filter(isOurs).map(nameOf);
  const groups = [
    group(
      'migrations that have not ended',
      moving.map((each) => `${nameOf(each)} (${each.status?.phase ?? 'not begun'})`),
      'wait for them, or cancel them by kubectl -n NAMESPACE delete podmigration NAME',
    ),
    group(
      'checkpoints that are not complete',
      taking.map(nameOf),
      'wait for them, or kubectl -n NAMESPACE delete podcheckpoint NAME',
    ),
    group(
      'objects on their way out, that would stay for ever without a coordinator',
      keepsResources ? leaving : [],
      hasCoordinator ? 'try again when they are gone' : wayBack,
    ),
    group(
      'objects to be deleted, and no coordinator is ready to clear away what they stand for',
      keepsResources || hasCoordinator ? [] : held,
      wayBack,
    ),
    group(
      'pods that run by the handler podferry, which has to stop them, too',
      pods.filter((pod) => !hasPodEnded(pod)).map(describe),
      'take runtimeClassName out of the template that they are made from and let them be made anew, or delete them',
    ),
  ];
  return groups.filter((each) => each !== undefined);
}

/** What people have to know of what stays. */
export function remains({ migrations, checkpoints }: Situation, keepsResources: boolean): string[] {
  if (!keepsResources) return [];
  const lines: string[] = [];
  if (migrations.length > 0) lines.push(`PodMigrations that stay: ${migrations.length}, which nothing holds`);
  const held = checkpoints.filter(isOurs);
  if (held.length > 0) {
    lines.push(
      `PodCheckpoints that stay, with their files: ${held.length}. Their finalizer ${podCheckpoints.finalizer} holds ` +
        'them, and with them their namespaces, until Podferry is installed again and somebody deletes them',
    );
  }
  return lines;
}

function group(what: string, members: readonly string[], advice: string): string | undefined {
  if (members.length === 0) return undefined;
  const more = members.length > shown ? [`and ${members.length - shown} more`] : [];
  return [`${what}: ${advice}`, ...members.slice(0, shown), ...more].join('\n    ');
}

function isOurs({ metadata }: Resource): boolean {
  return metadata.finalizers?.some((each) => each === finalizer || each === podCheckpoints.finalizer) === true;
}

function nameOf({ metadata: { namespace, name } }: Resource): string {
  return `${namespace}/${name}`;
}

function hasPodEnded({ status }: V1Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function describe({ metadata, spec }: V1Pod): string {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  const whose = owner === undefined ? 'of no owner' : `${owner.kind} ${owner.name}`;
  return `${metadata?.namespace}/${metadata?.name} (${whose}, on ${spec?.nodeName ?? 'no node yet'})`;
}
