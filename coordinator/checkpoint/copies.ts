/** Pods from a checkpoint, as many as are asked for: where each goes, and all that is against it, before any is begun. */
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import { Fault } from '../../proto/fault.ts';
import type { Copy } from '../../proto/gen/podferry/v1/Copy.ts';
import type { PodManifest__Output as PodManifest } from '../../proto/gen/podferry/v1/PodManifest.ts';
import { bounded, ifThere, told } from '../cluster/kubernetes/client.ts';
import { fittingNodes, whyNotOn } from '../cluster/kubernetes/nodes.ts';
import { targetNameOf, targetPodOf } from '../cluster/kubernetes/target-pod.ts';
import { podOf } from '../cluster/kubernetes/template.ts';
import { newId, type Plan } from '../request.ts';
import { idOf, isBeingDeleted, type PodCheckpoint, stateOf } from './pod-checkpoint.ts';
import { start } from './start.ts';
import type { World } from './world.ts';

export interface CopiesWish {
  replicas: number;
  /** Empty: picked for each. */
  targetNode: string;
  timeoutMs: number;
}

/** Of a freeze there is none, but every plan has one. */
const freezeDeadlineMs = 10_000;
const waitMarginMs = 5_000;

interface Source {
  id: string;
  digest: string;
  /** As it was when it was checkpointed. */
  pod: V1Pod;
  ownerLabels: readonly string[];
}

/**
 * Resolves when all have ended. @param gone the client: those that have no go are taken back
 * @throws Fault when it is refused: then nothing has been touched
 */
export async function startCopies(
  object: PodCheckpoint,
  wish: CopiesWish,
  world: World,
  gone: AbortSignal,
  tell: (copy: Copy) => void,
): Promise<void> {
  const source = sourceOf(object);
  const nodes = await nodesFor(source, wish, world, gone);
  gone.throwIfAborted();
  const ended = [...nodes].map(async ([node, { count, manifest }]) => {
    const all = Array.from(
      { length: count },
      async () => await startOne(source, node, manifest, wish, world, gone, tell),
    );
    await Promise.all(all);
  });
  await Promise.all(ended);
}

async function startOne(
  { id: checkpoint, digest, pod, ownerLabels }: Source,
  node: string,
  manifest: PodManifest,
  { timeoutMs }: CopiesWish,
  world: World,
  gone: AbortSignal,
  tell: (copy: Copy) => void,
): Promise<void> {
  const id = newId('cpy');
  const { namespace = '', name: called = '', uid = '' } = manifest.pod ?? {};
  const plan: Plan = {
    id,
    pod: { namespace, name: called, uid },
    source_node: '',
    target_node: node,
    strategy: 'stop_and_copy',
    transport: 'directory',
    freeze_deadline_ms: freezeDeadlineMs,
    wait_deadline_ms: timeoutMs + waitMarginMs,
    linger_ms: 0,
    network: 'close',
    network_reason: '',
    address_annotation: world.cluster.addressAnnotation,
    connection_linger_ms: 0,
    target_pod: { namespace: pod.metadata?.namespace ?? '', name: targetNameOf(pod, id), uid: '' },
    checkpoint: { id: checkpoint, digest },
  };
  const wanted = targetPodOf(pod, plan, ownerLabels);
  const leave = () => world.active.stop(id, new Fault('ClientGone', 'the client that asked for it went away'));
  const { promise, resolve } = Promise.withResolvers<void>();
  world.active.begin(
    id,
    async (work) => {
      await start({ plan, manifest, pod: wanted, timeoutMs }, world, work, tell).finally(resolve);
    },
    checkpoint,
  );
  gone.addEventListener('abort', leave, { once: true });
  await promise;
  gone.removeEventListener('abort', leave);
}

/** @throws Fault CheckpointNotReady */
function sourceOf(object: PodCheckpoint): Source {
  const { metadata, spec, status = {} } = object;
  const { namespace, name } = metadata;
  const { checkpointLocation: location, checkpointedPodTemplate: template, ownerLabels = [] } = status;
  const isReady = stateOf(object) === 'ready' && !isBeingDeleted(object);
  if (!isReady || location?.digest === undefined || template === undefined || template === null) {
    const why = isBeingDeleted(object) ? 'is being deleted' : 'is not Ready';
    throw new Fault(
      'CheckpointNotReady',
      `PodCheckpoint ${namespace}/${name} ${why}: see "kubectl describe pcp ${name}"`,
    );
  }
  const pod = podOf(template, namespace, spec.sourcePod.name, name);
  return { id: idOf(object), digest: location.digest, pod, ownerLabels };
}

/** How many go where: each to the node that has the least to do with others. */
async function nodesFor(
  source: Source,
  { replicas, targetNode }: CopiesWish,
  world: World,
  signal: AbortSignal,
): Promise<Map<string, { count: number; manifest: PodManifest }>> {
  const { kubernetes, agents, queue } = world;
  const manifests = new Map<string, PodManifest>();
  const reasons: Fault[] = [];
  const noted = async (node: string) => {
    try {
      manifests.set(node, await arriving(source, node, world, signal));
    } catch (error) {
      signal.throwIfAborted();
      reasons.push(Fault.from(error, 'Internal'));
    }
  };
  if (targetNode !== '') await noted(targetNode);
  else {
    const found = await fittingNodes(kubernetes, agents, source.pod, '', 'close', signal);
    reasons.push(...found.reasons.map((why) => new Fault('NodeNotFound', why)));
    for (const node of found.fitting) await noted(node);
  }
  const names = [...manifests.keys()];
  if (names.length === 0) {
    const why = reasons.map(({ message }) => message).join('; ') || 'there is no node with an agent';
    // What all nodes say in one voice is not a matter of nodes.
    const [first] = reasons;
    const isOne = first !== undefined && reasons.every(({ reason }) => reason === first.reason);
    throw new Fault(isOne ? first.reason : 'NodeNotFound', `no copy can be started: ${why}`);
  }
  const counts = new Map<string, number>();
  const busy = (node: string) => queue.demand(node) + (counts.get(node) ?? 0);
  for (let at = 0; at < replicas; at += 1) {
    const [best = ''] = names.toSorted((a, b) => busy(a) - busy(b) || (a < b ? -1 : 1));
    counts.set(best, (counts.get(best) ?? 0) + 1);
  }
  return new Map([...counts].map(([node, count]) => [node, { count, manifest: manifests.get(node) as PodManifest }]));
}

/** What a node reads in the checkpoint. @throws Fault for all that is against a copy there */
async function arriving(
  { id, digest, pod }: Source,
  node: string,
  world: World,
  signal: AbortSignal,
): Promise<PodManifest> {
  const { kubernetes, agents } = world;
  const agent = agents.get(node);
  await agents.look(node, signal);
  const problem = agents.problemOf(node);
  if (problem !== undefined) throw problem;
  const asked: Promise<V1Node> = kubernetes.core.readNode({ name: node }, bounded(signal));
  const there = await told(ifThere(asked), `looking at node ${node}`);
  if (there === undefined) throw new Fault('NodeNotFound', `Kubernetes has no node ${node}`);
  const unfit = await whyNotOn(kubernetes, pod, there, signal);
  if (unfit !== undefined) throw new Fault('NodeNotReady', unfit);
  const { manifest } = await agent.call('ReadCheckpoint', { id, digest }, signal);
  if (manifest === null) throw new Fault('Internal', `ReadCheckpoint on ${node} gave no manifest`);
  const how = { transport: 'directory', strategy: 'stop_and_copy', pulls: true } as const;
  const { findings } = await agent.call('PreflightTarget', { manifest, ...how }, signal);
  const [first] = findings;
  if (first === undefined) return manifest;
  const reason = typeof first.reason === 'string' ? first.reason : 'Internal';
  throw new Fault(reason, findings.map(({ message }) => message).join('; '));
}
