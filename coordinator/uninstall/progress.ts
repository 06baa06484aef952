/** How far the nodes are, from their pods of the DaemonSet that cleans them, and whether that is worth waiting for. Pure. */
import type { V1ContainerStatus, V1Node, V1Pod, V1PodSpec } from '@kubernetes/client-node';

export type NodeState =
  | { is: 'clean' }
  | { is: 'pending'; why: string }
  /** Kubelet tries again. */
  | { is: 'failed'; why: string }
  /** It will not do it, and has not touched anything. */
  | { is: 'refused'; why: string }
  /** Its kubelet does not answer, so nothing will become of it. */
  | { is: 'lost' };

/** As agent/install/main.ts has it. */
const refusedCode = 2;
const lastLines = 12;

/** @param where which nodes are meant, as the pods' template says it. @returns by their names */
export function statesOf(nodes: readonly V1Node[], pods: readonly V1Pod[], where: Where = {}): Map<string, NodeState> {
  const meant = nodes.filter((node) => isMeant(node, where));
  return new Map(
    meant.map((node) => {
      const name = node.metadata?.name ?? '';
      return [
        name,
        stateOf(
          pods.find((pod) => nodeOf(pod) === name && pod.metadata?.deletionTimestamp === undefined),
          isReady(node),
        ),
      ];
    }),
  );
}

type Where = Pick<V1PodSpec, 'nodeSelector' | 'affinity'>;

/** Of affinities those that our own template has: a label with one of some values. */
function isMeant({ metadata }: V1Node, { nodeSelector = {}, affinity }: Where): boolean {
  const labels = metadata?.labels ?? {};
  const { nodeSelectorTerms } = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? {};
  const fits = nodeSelectorTerms?.some(({ matchExpressions = [] }) =>
    matchExpressions.every(({ key, operator, values }) => operator !== 'In' || values?.includes(labels[key] ?? '')),
  );
  return fits !== false && Object.entries(nodeSelector).every(([label, value]) => labels[label] === value);
}

export function isReady({ status }: V1Node): boolean {
  return status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true;
}

/** Also of one that no kubelet has taken yet: whoever made it has said for which node. */
export function nodeOf({ spec }: V1Pod): string | undefined {
  const { nodeSelectorTerms = [] } = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? {};
  const [named] = nodeSelectorTerms
    .flatMap(({ matchFields = [] }) => matchFields)
    .filter(({ key }) => key === 'metadata.name');
  return spec?.nodeName ?? named?.values?.[0];
}

function stateOf(pod: V1Pod | undefined, isNodeReady: boolean): NodeState {
  const [cleaning] = pod?.status?.initContainerStatuses ?? [];
  const over = cleaning?.state?.terminated ?? cleaning?.lastState?.terminated;
  if (over?.exitCode === 0) return { is: 'clean' };
  const said = over === undefined ? undefined : lastOf(over.message ?? `exit code ${over.exitCode}`);
  // Whatever it said before, it is at it again, maybe in the middle of a restart of containerd.
  if (cleaning?.state?.running !== undefined) {
    return { is: 'pending', why: said === undefined ? 'it is being cleaned' : `it is tried again, after: ${said}` };
  }
  if (over !== undefined && said !== undefined)
    return { is: over.exitCode === refusedCode ? 'refused' : 'failed', why: said };
  if (!isNodeReady) return { is: 'lost' };
  return { is: 'pending', why: pod === undefined ? 'it has no pod for it yet' : waitingFor(pod, cleaning) };
}

function waitingFor({ status }: V1Pod, cleaning: V1ContainerStatus | undefined): string {
  const { reason, message } = cleaning?.state?.waiting ?? {};
  const unscheduled = status?.conditions?.find((each) => each.type === 'PodScheduled' && each.status === 'False');
  const why = message ?? reason ?? unscheduled?.message;
  return why === undefined ? 'its pod has not started' : `its pod has not started: ${why}`;
}

function lastOf(message: string): string {
  return message.trim().split('\n').slice(-lastLines).join('\n    ');
}

/**
 * 'failed': not all will be clean, so there is nothing more to wait for. A node that is at it is waited for all the same,
 * since whoever gives up takes its pod away.
 */
export function verdictOf(states: ReadonlyMap<string, NodeState>): 'wait' | 'clean' | 'failed' {
  const all = new Set([...states.values()].map((state) => state.is));
  if (all.has('pending')) return 'wait';
  if (all.has('refused')) return 'failed';
  return all.has('failed') || all.has('lost') ? 'wait' : 'clean';
}

/** A line for people. */
export function describe(node: string, state: NodeState): string {
  switch (state.is) {
    case 'clean':
      return `${node} is clean`;
    case 'pending':
      return `${node}: ${state.why}`;
    case 'failed':
      return `${node} failed: ${state.why}`;
    case 'refused':
      return `${node} refuses: ${state.why}`;
    case 'lost':
      return `${node} is not ready, so nothing can be done there: bring it back, or delete the Node when it is gone for good`;
    default:
      return state satisfies never;
  }
}
