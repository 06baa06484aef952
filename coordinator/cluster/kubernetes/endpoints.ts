/** Clients come by Services: whether these know the target yet. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Endpoint, V1EndpointSlice, V1Pod } from '@kubernetes/client-node';
import { apiFault, type Kubernetes } from './client.ts';

const serviceLabel = 'kubernetes.io/service-name';

/**
 * Resolves when every Service that has the source has the target too, or when that has taken long enough: until it is
 * so, and after it is not, the source's namespace forwards.
 */
export async function followEndpoints(
  { discovery }: Kubernetes,
  source: V1Pod,
  target: V1Pod,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const namespace = source.metadata?.namespace ?? '';
  const end = performance.now() + patienceMs;
  for (;;) {
    let slices: V1EndpointSlice[];
    try {
      ({ items: slices } = await discovery.listNamespacedEndpointSlice({ namespace }));
    } catch (error) {
      throw apiFault(error, `looking at the endpoints of ${namespace}`, 'CutOverFailed');
    }
    const missing = servicesWith(slices, source).filter((service) => !servicesWith(slices, target).includes(service));
    if (missing.length === 0 || performance.now() > end) return;
    await sleep(100, undefined, { signal });
  }
}

function servicesWith(slices: readonly V1EndpointSlice[], { metadata }: V1Pod): string[] {
  const isThat = ({ targetRef, conditions }: V1Endpoint) =>
    targetRef?.uid === metadata?.uid && conditions?.ready !== false;
  return slices
    .filter(({ endpoints }) => endpoints?.some(isThat) === true)
    .map(({ metadata: slice }) => slice?.labels?.[serviceLabel] ?? '');
}
