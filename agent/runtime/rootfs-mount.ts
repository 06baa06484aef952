/**
 * Reads the mounts that a snapshotter would make a container's root of.
 */
import type { Mount__Output } from '../../proto/gen/containerd/types/Mount.ts';
import type { RootfsMount } from './runtime.ts';
import { RuntimeError } from './runtime-error.ts';

/** @throws RuntimeError FAILED_PRECONDITION when it is not one writable overlay */
export function rootfsOf(
  mounts: readonly Mount__Output[],
  { containerId, snapshotter }: { containerId: string; snapshotter: string },
): RootfsMount {
  const [mount] = mounts;
  const upperDir = mount && option(mount, 'upperdir');
  const workDir = mount && option(mount, 'workdir');
  const lowerDirs = mount && option(mount, 'lowerdir')?.split(':');
  if (mount?.type === 'overlay' && mounts.length === 1 && upperDir && workDir && lowerDirs) {
    return { upperDir, workDir, lowerDirs };
  }
  throw new RuntimeError('FAILED_PRECONDITION', {
    operation: 'Mounts',
    subject: `container ${containerId}`,
    details: `snapshotter ${snapshotter} makes ${mounts.map(({ type }) => type).join(', ') || 'no mount'}, not one overlay`,
    hint: "Podferry copies a container's changes from overlayfs: use the snapshotter overlayfs",
  });
}

function option({ options }: Mount__Output, name: string): string | undefined {
  return options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}
