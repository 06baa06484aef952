/**
 * Without Kubernetes the agent itself makes the target pod, through CRI and from the source's own configs. Its first
 * container is started at once; that start lasts until the migration has ended one way or the other, because the
 * wrapper waits inside it.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { appearedOneOf } from '../journal/appeared.ts';
import type { Plan__Output as Plan } from '../../proto/gen/podferry/v1/Plan.ts';
import type { ContainerConfig, ContainerRuntime, PodConfig } from '../runtime/runtime.ts';
import { prepareStart } from '../runtime/start-apart.ts';
import { mountRoot } from './next-container.ts';
import { hush } from './hush.ts';
import { checkAddress } from './silence.ts';
import type { TargetMigration } from './target.ts';

/** The RuntimeClass and containerd handler whose BinaryName is our wrapper. */
export const handler = 'podferry';

export const migrationAnnotation = 'podferry.dev/migration';

/** Resolves when the first container's CRIU waits for the go. */
export async function createTargetPod(
  { runtime, containerd }: { runtime: ContainerRuntime; containerd: string },
  target: TargetMigration,
  signal: AbortSignal,
): Promise<void> {
  const { details, plan } = target.record;
  const config = podConfig(JSON.parse(details.manifest.sandbox_config_json) as PodConfig, plan, details.manifest.ips);
  target.podConfig = config;
  await mkdir(config.log_directory, { recursive: true });
  details.sandboxId = await runtime.runPod(config, handler, signal);
  target.save();
  const status = await runtime.podStatus(details.sandboxId, signal);
  details.podIps = status.ip === undefined ? [] : [status.ip, ...status.additionalIps];
  await checkAddress(target, status.netnsPath ?? '');
  await hush(target, status.netnsPath ?? '');
  for (const [at, each] of target.containers.entries()) {
    const { manifest, paths } = each;
    const container = containerConfig(JSON.parse(manifest.config_json) as ContainerConfig, plan.id);
    const log = join(config.log_directory, container.log_path);
    await mkdir(join(log, '..'), { recursive: true });
    const id = await runtime.createContainer(details.sandboxId, container, config, signal);
    // The wrapper gives up first; this is for a wrapper that cannot.
    const start = prepareStart(containerd, id, plan.wait_deadline_ms + 30_000, paths.started);
    if (at === 0) target.starts.set(manifest.name, start.begin());
    else {
      target.nextStarts.set(manifest.name, start);
      await mountRoot(target, each, await runtime.rootfsMount(id, signal));
    }
  }
  await waitForWrapper(target, signal);
}

/** Resolves when CRIU waits for the go in the first container, whoever made the pod. Faults TargetPrepareFailed. */
export async function waitForWrapper(target: TargetMigration, signal: AbortSignal): Promise<void> {
  const [first] = target.containers;
  if (first === undefined) throw new Fault('InvalidArgument', 'a pod without containers');
  const { manifest, paths } = first;
  const start = target.starts.get(manifest.name);
  const waits = appearedOneOf([paths.waiting, paths.failed], signal);
  const ended = start?.then((error) => {
    throw (
      error ??
      new Fault(
        'TargetPrepareFailed',
        `container ${manifest.name} started without having waited: does its handler ${handler} call the wrapper?`,
      )
    );
  });
  const file = await Promise.race(ended === undefined ? [waits] : [waits, ended]);
  if (file !== paths.waiting) {
    throw (await start) ?? new Fault('TargetPrepareFailed', `the wrapper of container ${manifest.name} gave up`);
  }
}

/** With the source's addresses only where they move along; else two pods would have them. */
function podConfig(config: PodConfig, plan: Plan, addresses: readonly string[]): PodConfig {
  const { [plan.address_annotation]: _addresses, ...annotations } = config.annotations;
  if (plan.network === 'keep_address') annotations[plan.address_annotation] = JSON.stringify(addresses);
  const metadata = config.metadata ?? { name: '', uid: '', namespace: '', attempt: 0 };
  return {
    ...config,
    // It is the same pod; containerd tells its sandboxes apart by the attempt, also when it comes back to this node.
    metadata: { ...metadata, attempt: metadata.attempt + 1 },
    annotations: { ...annotations, [migrationAnnotation]: plan.id },
  };
}

function containerConfig(config: ContainerConfig, migration: string): ContainerConfig {
  const { name = '', attempt = 0 } = config.metadata ?? {};
  // Likewise: the one that it was here before may still be there, for its connections.
  const metadata = { name, attempt: attempt + 1 };
  return { ...config, metadata, annotations: { ...config.annotations, [migrationAnnotation]: migration } };
}
