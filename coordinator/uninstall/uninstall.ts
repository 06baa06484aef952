/**
 * Takes Podferry off a cluster, but for what helm itself deletes. All of it may be repeated: what is gone already is
 * passed over. Whoever can still be needed goes after those who might need it.
 */
import type { V1DaemonSet } from '@kubernetes/client-node';
import { Fault } from '../../proto/fault.ts';
import { bounded, ifThere, type Kubernetes } from '../cluster/kubernetes/client.ts';
import { look } from './look.ts';
import { cleanNodes } from './nodes.ts';
import type { Patience } from './patience.ts';
import { refusals, remains } from './refuse.ts';
import { deleteResources } from './resources.ts';
import { agents, coordinators, takeAway } from './workloads.ts';

export interface Settings {
  namespace: string;
  /** Of the pods that clean the nodes. Undefined: the nodes stay as they are. */
  manifest: V1DaemonSet | undefined;
  keepResources: boolean;
  /** Whose the Secret podferry-authority is: the coordinator's own, or given to it. */
  authority: 'own' | 'given';
}

/** @throws Refused when somebody still needs it: then nothing was changed */
export async function uninstall(
  kubernetes: Kubernetes,
  { namespace, manifest, keepResources, authority }: Settings,
  patience: Patience,
  say: (line: string) => void,
): Promise<void> {
  const situation = await look(kubernetes, namespace, patience);
  const against = refusals(situation, keepResources);
  if (against.length > 0) throw new Refused(against);
  say('nothing is against it');
  for (const line of remains(situation, keepResources)) say(line);
  if (!keepResources) await deleteResources(kubernetes, patience, say);
  // What it may have begun since we looked it takes back while it ends, for which it needs the agents.
  await takeAway(kubernetes, namespace, coordinators, patience, say);
  await takeAway(kubernetes, namespace, agents, patience, say);
  if (manifest !== undefined) await cleanNodes(kubernetes, namespace, manifest, patience, say);
  await deleteOwn(kubernetes, namespace, authority, patience, say);
}

/** What coordinators have made beside the release. */
async function deleteOwn(
  { core, coordination }: Kubernetes,
  namespace: string,
  authority: Settings['authority'],
  patience: Patience,
  say: (line: string) => void,
): Promise<void> {
  const own: [string, string, (where: { namespace: string; name: string }, signal: AbortSignal) => Promise<unknown>][] =
    [
      ['ConfigMap', 'podferry-trust', (where, signal) => core.deleteNamespacedConfigMap(where, bounded(signal))],
      ['Lease', 'podferry-coordinator', (where, signal) => coordination.deleteNamespacedLease(where, bounded(signal))],
    ];
  if (authority === 'own')
    own.unshift([
      'Secret',
      'podferry-authority',
      (where, signal) => core.deleteNamespacedSecret(where, bounded(signal)),
    ]);
  for (const [kind, name, remove] of own) {
    await patience.ask(`deleting ${kind} ${namespace}/${name}`, async (signal) =>
      ifThere(remove({ namespace, name }, signal)),
    );
    say(`${kind} ${namespace}/${name} is gone`);
  }
  if (authority === 'given') say(`Secret ${namespace}/podferry-authority stays with whoever has made it`);
}

export class Refused extends Fault {
  constructor(against: readonly string[]) {
    super('RuntimeUnsupported', ['nothing was changed, because there are', ...against].join('\n  '));
  }
}
