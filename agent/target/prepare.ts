/** Makes room for a pod that will come: staging in memory, external mounts, the FIFOs that its wrapper waits at. */
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { ExternalMount__Output as ExternalMount } from '../../proto/gen/podferry/v1/ExternalMount.ts';
import type { PodManifest__Output as PodManifest } from '../../proto/gen/podferry/v1/PodManifest.ts';
import { mountTmpfs } from '../journal/mount.ts';
import { isMasked } from '../preflight/describe.ts';
import { run } from '../runtime/command.ts';
import type { ContainerPaths } from '../paths.ts';
import type { PodConfig } from '../runtime/runtime.ts';
import { isLazy, keepsConnections } from '../source/source.ts';
import { startFilling } from './lazy-pages.ts';
import type { TargetMigration } from './target.ts';

/** What images may take beyond the resident memory: page tables, descriptors, ghost files, and what grows meanwhile. */
const spare = 128 << 20;

/** Bytes of staging for a pod of this memory, at either end. */
export function stagingBytes(memoryBytes: number): number {
  return Math.ceil(memoryBytes * 1.25) + spare;
}

export async function prepareStaging(target: TargetMigration): Promise<void> {
  const { paths, record } = target;
  const bytes = stagingBytes(Number(record.details.manifest.memory_bytes));
  await mountTmpfs(paths, paths.staging, { what: 'staging', bytes, mode: '0700', reason: 'StagingSpaceMissing' });
  for (const { manifest, paths: container } of target.containers) {
    await mkdir(container.images, { recursive: true });
    await run(['mkfifo', container.go, container.inventoryFifo], {
      reason: 'TargetPrepareFailed',
      what: 'making FIFOs',
    });
    // runc reads it before it starts CRIU: which of the dumped descriptors are the container's stdio.
    writeFileSync(`${container.images}/descriptors.json`, JSON.stringify(manifest.descriptors));
    for (const { mount_point, options, cgroup } of manifest.external_mounts) {
      if (cgroup) continue;
      await mountTmpfs(paths, container.external(mount_point), {
        what: 'external-mount',
        which: `-${manifest.name}${mount_point.replaceAll('/', '-')}`,
        // As large as the runtime makes /dev; what is masked stays empty.
        bytes: isMasked(mount_point) ? 4 << 10 : 64 << 20,
        mode: '0755',
        options: options.split(',').filter((option) => kept.has(option)),
        reason: 'TargetPrepareFailed',
      });
    }
    writeFileSync(container.externalConf, criuConfiguration(manifest.external_mounts, container, record.plan));
    if (isLazy(record.plan)) await startFilling(paths, manifest.name, container);
  }
  const { namespace, name } = record.plan.target_pod ?? sandbox(record.details.manifest);
  writeFileSync(paths.pod, `${namespace}/${name}`);
  // Last, because from here on the wrapper may claim containers of this migration.
  writeFileSync(paths.expected, String(Math.ceil(record.plan.wait_deadline_ms / 1000)));
}

/** As the runtime will tell the wrapper. */
function sandbox({ sandbox_config_json }: PodManifest): NonNullable<PodConfig['metadata']> {
  const { metadata } = JSON.parse(sandbox_config_json) as PodConfig;
  return metadata ?? { name: '', namespace: '', uid: '', attempt: 0 };
}

/** Options that a bind mount takes over from what it binds; CRIU does not set them for an external mount. */
const kept = new Set(['ro', 'nosuid', 'nodev', 'noexec']);

/**
 * What overrides the options that runc gives CRIU, for one container. The wrapper knows the container's cgroup and
 * puts it in the place of @CGROUP@.
 */
function criuConfiguration(
  externals: readonly ExternalMount[],
  container: ContainerPaths,
  plan: TargetMigration['record']['plan'],
): string {
  const connections = keepsConnections(plan) ? 'tcp-established' : 'tcp-close';
  const lines = [connections, 'network-lock skip', 'manage-cgroups ignore', ...(isLazy(plan) ? ['lazy-pages'] : [])];
  for (const { mount_point, cgroup } of externals) {
    const from = cgroup ? `${mount_point}@CGROUP@` : container.external(mount_point);
    lines.push(`external mnt[${externalName(mount_point)}]:${from}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What a mount that we provide is called between dump and restore; not by its path, which is runc's name for it. */
export function externalName(mountPoint: string): string {
  return `podferry${mountPoint}`;
}
