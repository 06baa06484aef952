/** One node at a time: a turn is a Lease, taken before containerd is restarted and given back when it is well again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type V1Lease, V1MicroTime } from '@kubernetes/client-node';
import { apiFault, bounded, ifThere, type Kubernetes, statusOf } from '../../coordinator/cluster/kubernetes/client.ts';
import { moveOf } from '../../coordinator/resource/leader.ts';
import { Fault } from '../../proto/fault.ts';

export interface TurnOptions {
  namespace: string;
  name: string;
  /** Who takes it: the node. */
  identity: string;
  leaseMs: number;
  /** Between two looks at a lease that another has. */
  retryMs: number;
  say: (line: string) => void;
}

/** Works while holding the lease, for which it waits as long as it takes. */
export async function inTurn<T>(
  { coordination }: Pick<Kubernetes, 'coordination'>,
  options: TurnOptions,
  work: () => Promise<T>,
): Promise<T> {
  const { namespace, name, identity, leaseMs, say } = options;
  const where = { namespace, name };
  const ends = new AbortController();
  const { signal } = new AbortController();
  const look = async () => await ifThere(coordination.readNamespacedLease(where, bounded(signal)));
  const write = async (lease: V1Lease, holderIdentity: string) => {
    const isOurs = lease.spec?.holderIdentity === identity;
    const transitions = lease.spec?.leaseTransitions ?? 0;
    const spec = {
      holderIdentity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1_000),
      acquireTime: isOurs ? (lease.spec?.acquireTime ?? new V1MicroTime()) : new V1MicroTime(),
      renewTime: new V1MicroTime(),
      leaseTransitions: isOurs ? transitions : transitions + 1,
    };
    // Also its labels and annotations: by these helm knows what it has to delete one day.
    const body = { metadata: lease.metadata ?? where, spec };
    return await coordination.replaceNamespacedLease({ ...where, body }, bounded(signal));
  };

  await taken(look, write, options);
  const renewing = (async () => {
    while (!ends.signal.aborted) {
      await sleep(leaseMs / 3, undefined, { signal: ends.signal }).catch(() => {});
      if (ends.signal.aborted) return;
      try {
        const lease = await look();
        if (lease?.spec?.holderIdentity === identity) await write(lease, identity);
      } catch (error) {
        // What has begun is finished: half a restart would be worse than two nodes at once.
        say(apiFault(error, `renewing lease ${namespace}/${name}`).message);
      }
    }
  })();
  try {
    return await work();
  } finally {
    ends.abort();
    await renewing;
    await givenBack(look, write, identity).catch((error: unknown) =>
      say(`${apiFault(error, `giving lease ${namespace}/${name} back`).message}; it ends by itself`),
    );
  }
}

type Look = () => Promise<V1Lease | undefined>;
type Write = (lease: V1Lease, holder: string) => Promise<V1Lease>;

async function taken(look: Look, write: Write, options: TurnOptions): Promise<void> {
  const { namespace, name, identity, retryMs, say } = options;
  let seen: { version: string | undefined; at: number } | undefined;
  let told = '';
  while (true) {
    try {
      const lease = await look();
      const version = lease?.metadata?.resourceVersion;
      if (seen === undefined || version !== seen.version) seen = { version, at: performance.now() };
      const move = moveOf(lease, identity, performance.now() - seen.at);
      if (lease === undefined || move === 'make') {
        throw new Fault(
          'InvalidArgument',
          `there is no lease ${namespace}/${name}: the chart makes it; without --lease none is needed`,
        );
      }
      if (move !== 'wait') {
        await write(lease, identity);
        return;
      }
      const holder = lease.spec?.holderIdentity ?? '';
      if (holder !== told)
        say(`waits for its turn to restart containerd: ${holder} has it (lease ${namespace}/${name})`);
      told = holder;
    } catch (error) {
      // Somebody was quicker, or the API server is away; what it refuses, it will refuse again.
      const code = statusOf(error);
      if (error instanceof Fault || (code !== undefined && code < 500 && code !== 409)) {
        throw apiFault(error, `taking lease ${namespace}/${name}`);
      }
      if (code !== 409 && told !== 'error') say(apiFault(error, `taking lease ${namespace}/${name}`).message);
      if (code !== 409) told = 'error';
    }
    await sleep(retryMs);
  }
}

async function givenBack(look: Look, write: Write, identity: string): Promise<void> {
  const lease = await look();
  if (lease?.spec?.holderIdentity === identity) await write(lease, '');
}
