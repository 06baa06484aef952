/**
 * With Kubernetes the target pod is an object, and kubelet makes its sandbox and starts its containers: one start at a
 * time, which lasts until the wrapper lets it end. The agent only waits until the wrapper does.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { appeared } from '../journal/appeared.ts';
import { run } from '../runtime/command.ts';
import { within } from '../runtime/netns.ts';
import type { OciSpec } from '../runtime/oci-spec.ts';
import type { ContainerRuntime } from '../runtime/runtime.ts';
import { waitForWrapper } from './create-pod.ts';
import { checkAddress } from './silence.ts';
import { hush } from './hush.ts';
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
  const containers = await runtime.listContainers(pod.id, signal);
  details.sandboxId = pod.id;
  const netns = netnsOf(target);
  details.podIps = await addressesIn(netns, signal);
  await checkAddress(target, netns);
  await hush(target, netns);
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

function netnsOf({ containers }: TargetMigration): string {
  const bundle = containers[0]?.paths.bundle ?? '';
  const spec = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as OciSpec;
  return spec.linux?.namespaces?.find(({ type }) => type === 'network')?.path ?? '';
}

/**
 * Looked up in the pod's network namespace. The runtime would ask the pod's shim, which answers nobody as long as the
 * wrapper keeps it waiting: it took 4 s (containerd 2.1).
 */
async function addressesIn(netns: string, signal: AbortSignal): Promise<string[]> {
  const argv = within(netns, 'ip', '-json', 'address', 'show', 'scope', 'global', 'up');
  const said = await run(argv, {
    reason: 'TargetPrepareFailed',
    what: `looking up the addresses in ${netns}`,
    signal,
  });
  const links = JSON.parse(said) as { addr_info?: { local: string }[] }[];
  const addresses = links.flatMap(({ addr_info }) => addr_info ?? []).map(({ local }) => local);
  if (addresses.length > 0) return addresses;
  throw new Fault('TargetPrepareFailed', `the network of the target pod (${netns}) has no address`);
}

/** Resolves when the wrapper of the first container has given up; never, when it restores. */
export async function gaveUp(target: TargetMigration): Promise<void> {
  const [first] = target.containers;
  if (first !== undefined) await appeared(first.paths.failed, target.abort.signal);
}
