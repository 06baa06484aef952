/**
 * Writes out what this node's cache has of volumes that both nodes mount. A network file system shows the target only
 * what has reached its server, and CRIU looks whether files are as long as they were.
 */
import { nodeMounts } from '../preflight/volumes.ts';
import type { SourcePod } from '../preflight/describe.ts';
import { plain } from '../preflight/shared.ts';
import { run } from '../runtime/command.ts';

/** Costs nothing where there are no such volumes: preflight has refused all other mounts of the node. */
export async function flushShared({ containers, status: { uid } }: SourcePod, signal: AbortSignal): Promise<void> {
  const places = containers.flatMap(({ name, pid, status: { config } }) =>
    nodeMounts(config, uid).map(({ container_path }) => ({ name, pid, path: plain(container_path) })),
  );
  await Promise.all(
    places.map(async ({ name, pid, path }) => {
      const what = `writing out what container ${name} has on ${path}`;
      await run(['sync', '--file-system', `/proc/${pid}/root${path}`], { reason: 'TransferFailed', what, signal });
    }),
  );
}
