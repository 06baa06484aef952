/**
 * With Kubernetes the target pod is an object, and kubelet makes its sandbox and starts its containers: one start at a
 * time, which lasts until the wrapper lets it end. The agent only waits until the wrapper does.
 */
import { Fault } from '../../proto/fault.ts';
import { appeared } from '../journal/appeared.ts';
import type { ContainerRuntime } from '../runtime/runtime.ts';
import { waitForWrapper } from './create-pod.ts';
import type { TargetMigration } from './target.ts';

/** @param uid of the pod object. Resolves when the first container's CRIU waits for the go. */
export async function awaitTargetPod(
  runtime: ContainerRuntime,
  target: TargetMigration,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  const { details } = target.record;
  await waitForWrapper(target, signal);
  const pod = (await runtime.listPods(signal)).find((each) => each.uid === uid && each.state === 'ready');
  if (pod === undefined) {
    throw new Fault(
      'TargetPrepareFailed',
      `a container waits for its memory, but this node has no pod with UID ${uid}`,
    );
  }
  const [status, containers] = await Promise.all([
    runtime.podStatus(pod.id, signal),
    runtime.listContainers(pod.id, signal),
  ]);
  details.sandboxId = pod.id;
  details.podIp = status.ip ?? '';
  for (const { manifest } of target.containers) {
    const made = containers.find(({ name }) => name === manifest.name);
    if (made === undefined) continue;
    const [here, there] = await Promise.all([runtime.image(made.image, signal), runtime.image(manifest.image, signal)]);
    if (here === undefined || here.id === there?.id) continue;
    // Memory fits no other program than its own.
    throw new Fault(
      'TargetPrepareFailed',
      `container ${manifest.name} has the image ${here.id} here, but ${manifest.image} at the source: ` +
        'its tag stands for two images; name the image by its digest',
    );
  }
}

/** Resolves when the wrapper of the first container has given up; never, when it restores. */
export async function gaveUp(target: TargetMigration): Promise<void> {
  const [first] = target.containers;
  if (first !== undefined) await appeared(first.paths.failed, target.abort.signal);
}
