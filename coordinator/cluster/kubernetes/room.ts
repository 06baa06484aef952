/**
 * Whether a pod would be scheduled to a node: what the scheduler asks of node and pod themselves. Affinity between pods
 * and spreading are not asked for. Pure.
 */
import type {
  V1Node,
  V1NodeSelectorRequirement,
  V1NodeSelectorTerm,
  V1Pod,
  V1Taint,
  V1Toleration,
} from '@kubernetes/client-node';

/** @param there the pods of that node. @returns why not; undefined: it fits */
export function whyNot(pod: V1Pod, node: V1Node, there: readonly V1Pod[]): string | undefined {
  const name = node.metadata?.name ?? '';
  if (node.spec?.unschedulable === true) return `${name} is cordoned`;
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  if (ready !== 'True') return `${name} is not ready`;
  const taint = node.spec?.taints?.find((each) => each.effect !== 'PreferNoSchedule' && !isTolerated(each, pod));
  if (taint !== undefined) return `${name} has the taint ${taint.key}:${taint.effect}, which the pod does not tolerate`;
  const labels = node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) {
    if (labels[key] !== value) return `${name} has not the label ${key}=${value} that the pod's nodeSelector asks for`;
  }
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (terms !== undefined && !terms.some((term) => matches(term, labels, name))) {
    return `${name} does not match the pod's required node affinity`;
  }
  return lackOf(pod, node, there);
}

function isTolerated(taint: V1Taint, pod: V1Pod): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint));
}

function tolerates({ key, operator, value, effect }: V1Toleration, taint: V1Taint): boolean {
  if (effect !== undefined && effect !== '' && effect !== taint.effect) return false;
  if (key === undefined || key === '') return operator === 'Exists';
  return key === taint.key && (operator === 'Exists' || (value ?? '') === (taint.value ?? ''));
}

/** @param name the node's */
export function matches(term: V1NodeSelectorTerm, labels: Record<string, string>, name: string): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  // A term without any matches nothing.
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((each) => holds(each, labels[each.key])) &&
    fields.every((each) => holds(each, each.key === 'metadata.name' ? name : undefined))
  );
}

function holds({ operator, values = [] }: V1NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number(value) > Number(values[0]);
    case 'Lt':
      return Number(value) < Number(values[0]);
    default:
      return false;
  }
}

function lackOf(pod: V1Pod, node: V1Node, there: readonly V1Pod[]): string | undefined {
  const living = there.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const asked = requestsOf(pod);
  for (const [resource, need] of [...asked, ['pods', 1] as const]) {
    const has = scalar(node.status?.allocatable?.[resource]);
    const used = living.reduce(
      (sum, each) => sum + (resource === 'pods' ? 1 : (requestsOf(each).get(resource) ?? 0)),
      0,
    );
    if (used + need > has) {
      return `${node.metadata?.name} has too little ${resource}: ${need} asked for, ${Math.max(0, has - used)} of ${has} free`;
    }
  }
  return undefined;
}

/** Of the containers that run side by side. */
function requestsOf({ spec }: V1Pod): Map<string, number> {
  const sum = new Map<string, number>();
  for (const { resources } of spec?.containers ?? []) {
    for (const [name, quantity] of Object.entries(resources?.requests ?? {})) {
      sum.set(name, (sum.get(name) ?? 0) + scalar(quantity));
    }
  }
  return sum;
}

const units: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Of a Kubernetes quantity ("1.5Gi", "100m", "1e3"); 0 for none. The client's own parser takes no fractions. */
function scalar(quantity: string | undefined): number {
  const [, number, unit = ''] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(quantity ?? '0') ?? [];
  return Number(number) * (units[unit] ?? Number.NaN);
}
