/**
 * A plan as it came from another process. What of it becomes a path, a timer or a shell's word is checked here, before
 * anything is touched.
 */
import { Fault } from '../proto/fault.ts';
import { halfOf } from '../proto/half.ts';
import type { Plan__Output } from '../proto/gen/podferry/v1/Plan.ts';
import type { PodManifest__Output } from '../proto/gen/podferry/v1/PodManifest.ts';
import { checkLabel } from './paths.ts';

export type Plan = Plan__Output & { pod: NonNullable<Plan__Output['pod']> };

/** In milliseconds; the shortest is more than nothing, the longest far below what a timer can hold. */
const limits = { freeze_deadline_ms: [1, 600_000], wait_deadline_ms: [1, 7_200_000], linger_ms: [0, 600_000] } as const;

/**
 * @param side which of the plan's nodes this one has to be
 * @throws Fault InvalidArgument
 */
export function checkPlan(plan: Plan__Output | null, side: 'source' | 'target', node: string): Plan {
  if (plan === null) throw new Fault('InvalidArgument', 'a plan is needed');
  checkLabel('migration', plan.id);
  const { pod } = plan;
  if (pod === null || pod.name === '' || pod.namespace === '') {
    throw new Fault('InvalidArgument', `the plan of ${plan.id} names no pod`);
  }
  if (plan.target_pod !== null && !/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(plan.target_pod.name)) {
    throw new Fault('InvalidArgument', `${JSON.stringify(plan.target_pod.name)} is no name of a pod`);
  }
  halfOf(plan);
  if (plan.checkpoint !== null) checkLabel('checkpoint', plan.checkpoint.id);
  const meant = plan[`${side}_node`];
  if (meant !== node) {
    throw new Fault('InvalidArgument', `${plan.id} has ${JSON.stringify(meant)} as its ${side}, but this is ${node}`);
  }
  for (const [name, [least, most]] of Object.entries(limits)) {
    const value = plan[name as keyof typeof limits];
    if (value < least || value > most) {
      throw new Fault('InvalidArgument', `${name} of ${plan.id} is ${value}, but must be from ${least} to ${most}`);
    }
  }
  return { ...plan, pod };
}

/** @throws Fault InvalidArgument */
export function checkManifest(manifest: PodManifest__Output | null): PodManifest__Output {
  if (manifest === null || manifest.containers.length === 0) {
    throw new Fault('InvalidArgument', 'a manifest with at least one container is needed');
  }
  if (!/^\d{1,15}$/.test(manifest.memory_bytes)) {
    throw new Fault(
      'InvalidArgument',
      `memory_bytes is ${JSON.stringify(manifest.memory_bytes)}, but must be a number`,
    );
  }
  for (const { name, external_mounts } of manifest.containers) {
    checkLabel('container', name);
    for (const { mount_point } of external_mounts) {
      // It is written into CRIU's configuration, where blanks and brackets have a meaning.
      if (/^(\/[\w-][\w.-]*)+$/.test(mount_point)) continue;
      throw new Fault('InvalidArgument', `${JSON.stringify(mount_point)} is no mount point that we could provide`);
    }
  }
  for (const [what, json] of [
    ['sandbox_config_json', manifest.sandbox_config_json],
    ...manifest.containers.map(({ name, config_json }) => [`config_json of container ${name}`, config_json] as const),
  ] as const) {
    if (!isObject(json)) throw new Fault('InvalidArgument', `${what} is not a JSON object`);
  }
  return manifest;
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
