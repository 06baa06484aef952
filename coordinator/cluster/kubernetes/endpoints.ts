/**
 * Clients come by Services, and these know their pods by EndpointSlices, whose controller follows at its own pace. Beside
 * them a migration has slices of its own: with the source's address as long as a pod has no object that the controller
 * could see, and with the target's from the moment it runs, before kubelet's probes have found out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isIPv6 } from 'node:net';
import type { V1Endpoint, V1EndpointSlice, V1Pod } from '@kubernetes/client-node';
import type { Plan } from '../../request.ts';
import { apiFault, bounded, ifThere, type Kubernetes, mergePatch, statusOf } from './client.ts';
import type { Owner } from './names.ts';

const serviceLabel = 'kubernetes.io/service-name';
const managerLabel = 'endpointslice.kubernetes.io/managed-by';
const manager = 'podferry.dev';
/** On slices of ours: the migration that they are for. */
const migrationLabel = 'podferry.dev/migration';

/** The source goes on being an endpoint of its Services when its object has gone. May be repeated. */
export async function keepEndpoints(
  kubernetes: Kubernetes,
  { id }: Plan,
  source: V1Pod,
  owner: Owner,
  signal: AbortSignal,
): Promise<void> {
  const slices = await slicesOf(kubernetes, source, signal);
  for (const slice of slices.filter((each) => !isOurs(each, id))) {
    const endpoints = (slice.endpoints ?? []).filter((endpoint) => isReadyEndpointOf(endpoint, source));
    if (endpoints.length > 0) await write(kubernetes, id, slice, endpoints, owner, signal);
  }
}

/**
 * The target is an endpoint of the Services that have the source, beside it: kube-proxy may believe the ordinary slice,
 * in which the target is not ready yet, and would have none at all. May be repeated.
 */
export async function addEndpoints(
  kubernetes: Kubernetes,
  { id, target_node }: Plan,
  source: V1Pod,
  target: { address: string; name: string; uid: string },
  signal: AbortSignal,
): Promise<void> {
  const family = isIPv6(target.address) ? 'IPv6' : 'IPv4';
  const slices = (await slicesOf(kubernetes, source, signal)).filter(({ addressType }) => addressType === family);
  // So that nobody is ever sent to an address that the target has no more.
  const owner = { apiVersion: 'v1', kind: 'Pod', name: target.name, uid: target.uid };
  const ours = slices.filter((slice) => isOurs(slice, id));
  for (const slice of ours.length > 0 ? ours : slices) {
    const [old] = (slice.endpoints ?? []).filter((endpoint) => isReadyEndpointOf(endpoint, source));
    if (old === undefined) continue;
    const { zone: _zone, hints: _hints, ...kept } = old;
    const targetRef = { kind: 'Pod', namespace: source.metadata?.namespace ?? '', name: target.name, uid: target.uid };
    const endpoint = { ...kept, addresses: [target.address], nodeName: target_node, targetRef };
    const beside = ours.length > 0 ? [old] : [];
    await write(kubernetes, id, slice, [...beside, endpoint], owner, signal);
  }
}

/** Of ours nothing is left. May be repeated. */
export async function forgetEndpoints(
  { discovery }: Kubernetes,
  { id, pod }: Plan,
  signal: AbortSignal,
): Promise<void> {
  const namespace = pod?.namespace ?? '';
  const labelSelector = `${migrationLabel}=${id}`;
  try {
    await discovery.deleteCollectionNamespacedEndpointSlice({ namespace, labelSelector }, bounded(signal));
  } catch (error) {
    throw apiFault(error, `removing the endpoints of ${id} from ${namespace}`, 'CutOverFailed');
  }
}

/**
 * Resolves when every Service that has the source, or ours in its place, has the target too by its own controller; or
 * when that has taken long enough: until it is so, and after it is not, the source's namespace forwards.
 */
export async function followEndpoints(
  kubernetes: Kubernetes,
  { id }: Plan,
  source: V1Pod,
  target: V1Pod,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const slices = await slicesOf(kubernetes, source, signal);
    const ours = slices.filter((slice) => isOurs(slice, id));
    const ordinary = slices.filter((slice) => !isOurs(slice, id));
    const has = new Set(servicesWith(ordinary, target));
    const missing = [...servicesWith(ordinary, source), ...ours.map(serviceOf)].filter((service) => !has.has(service));
    if (missing.length === 0 || performance.now() > end) return;
    await sleep(100, undefined, { signal });
  }
}

/** Of the pod's namespace. */
async function slicesOf({ discovery }: Kubernetes, pod: V1Pod, signal: AbortSignal): Promise<V1EndpointSlice[]> {
  const namespace = pod.metadata?.namespace ?? '';
  try {
    return (await discovery.listNamespacedEndpointSlice({ namespace }, bounded(signal))).items;
  } catch (error) {
    throw apiFault(error, `looking at the endpoints of ${namespace}`, 'CutOverFailed');
  }
}

/** A slice of ours for the Service of another one, or that one itself if it is ours. */
async function write(
  { discovery }: Kubernetes,
  id: string,
  like: V1EndpointSlice,
  endpoints: V1Endpoint[],
  owner: Owner,
  signal: AbortSignal,
): Promise<void> {
  const namespace = like.metadata?.namespace ?? '';
  const service = serviceOf(like);
  const name = `podferry-${id}-${service}-${like.addressType.toLowerCase()}`;
  const body: V1EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace,
      labels: { [serviceLabel]: service, [managerLabel]: manager, [migrationLabel]: id },
      ownerReferences: [owner],
    },
    addressType: like.addressType,
    endpoints,
    ...(like.ports !== undefined && { ports: like.ports }),
  };
  try {
    await discovery.createNamespacedEndpointSlice({ namespace, body }, bounded(signal));
  } catch (error) {
    if (statusOf(error) !== 409) throw apiFault(error, `making endpoints of ${service}`, 'CutOverFailed');
    const body = { metadata: { ownerReferences: [owner] }, endpoints };
    await ifThere(discovery.patchNamespacedEndpointSlice({ namespace, name, body }, mergePatch(signal))).catch(
      (failed: unknown) => {
        throw apiFault(failed, `changing endpoints of ${service}`, 'CutOverFailed');
      },
    );
  }
}

function servicesWith(slices: readonly V1EndpointSlice[], pod: V1Pod): string[] {
  const isThat = (endpoint: V1Endpoint) => isReadyEndpointOf(endpoint, pod);
  return slices.filter(({ endpoints }) => endpoints?.some(isThat) === true).map(serviceOf);
}

function isReadyEndpointOf({ targetRef, conditions }: V1Endpoint, { metadata }: V1Pod): boolean {
  return targetRef?.uid === metadata?.uid && conditions?.ready !== false;
}

function isOurs({ metadata }: V1EndpointSlice, id: string): boolean {
  return metadata?.labels?.[migrationLabel] === id;
}

function serviceOf({ metadata }: V1EndpointSlice): string {
  return metadata?.labels?.[serviceLabel] ?? '';
}
