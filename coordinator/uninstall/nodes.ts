/** Has every node cleaned by a pod of its own, and takes these pods away again, however that ends. */
import type { V1DaemonSet } from '@kubernetes/client-node';
import { Fault } from '../../proto/fault.ts';
import { bounded, type Kubernetes, statusOf } from '../cluster/kubernetes/client.ts';
import { Patience } from './patience.ts';
import { describe, type NodeState, statesOf, verdictOf } from './progress.ts';
import { podsOf, takeAway, type Workload } from './workloads.ts';
import { wayBack } from './refuse.ts';

const cleaners: Workload = { kind: 'DaemonSet', name: 'podferry-uninstall', component: 'uninstall-node' };

/** Kubernetes kills a pod 30 s after it asked. Less than it leaves this program, so that it can be done. */
const clearMs = 25_000;
const clearPauseMs = 200;

export async function cleanNodes(
  kubernetes: Kubernetes,
  namespace: string,
  manifest: V1DaemonSet,
  patience: Patience,
  say: (line: string) => void,
): Promise<void> {
  // An earlier try may have been killed before it could.
  await takeAway(kubernetes, namespace, cleaners, patience, () => {});
  let taken = cleaners;
  let states: ReadonlyMap<string, NodeState>;
  try {
    const { metadata } = await make(kubernetes, namespace, manifest, patience);
    if (metadata?.uid !== undefined) taken = { ...cleaners, uid: metadata.uid };
    states = await watch(kubernetes, namespace, manifest, patience, say);
  } finally {
    // It may be too late for anything else, or somebody has asked us to end.
    const rest = new Patience({ ms: clearMs, pauseMs: clearPauseMs }, new AbortController().signal);
    await takeAway(kubernetes, namespace, taken, rest, say).catch((error: unknown) => say((error as Error).message));
  }
  const unclean = [...states].filter(([, { is }]) => is !== 'clean');
  if (unclean.length === 0) return;
  const refused = unclean.some(([, { is }]) => is === 'refused');
  throw new Fault(
    refused ? 'RuntimeUnsupported' : 'DeadlineExceeded',
    [
      `${unclean.length} of ${states.size} nodes are not clean:`,
      ...unclean.map(([node, state]) => describe(node, state)),
      'Agents and coordinators are gone already. See to these nodes, then helm uninstall again, which leaves those alone ' +
        `that are clean; with --no-hooks it leaves all as they are. ${wayBack}`,
    ].join('\n  '),
  );
}

async function make(
  { apps }: Kubernetes,
  namespace: string,
  body: V1DaemonSet,
  patience: Patience,
): Promise<V1DaemonSet> {
  const what = `making DaemonSet ${namespace}/${cleaners.name}`;
  return await patience.ask(what, async (signal) => {
    try {
      return await apps.createNamespacedDaemonSet({ namespace, body }, bounded(signal));
    } catch (error) {
      // The answer to an earlier try was lost.
      if (statusOf(error) !== 409) throw error;
      return await apps.readNamespacedDaemonSet({ namespace, name: cleaners.name }, bounded(signal));
    }
  });
}

/** Until all are clean, or it makes no sense to wait any longer. */
async function watch(
  kubernetes: Kubernetes,
  namespace: string,
  manifest: V1DaemonSet,
  patience: Patience,
  say: (line: string) => void,
): Promise<Map<string, NodeState>> {
  const told = new Map<string, string>();
  while (true) {
    const { items } = await patience.ask('listing nodes', async (signal) =>
      kubernetes.core.listNode({}, bounded(signal)),
    );
    const states = statesOf(
      items,
      await podsOf(kubernetes, namespace, cleaners.component, patience),
      manifest.spec?.template.spec,
    );
    for (const [node, state] of states) {
      const line = describe(node, state);
      if (told.get(node) !== line) say(line);
      told.set(node, line);
    }
    if (verdictOf(states) !== 'wait' || patience.isOver) return states;
    await patience.pause();
  }
}
