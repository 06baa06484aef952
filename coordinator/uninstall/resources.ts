/** Deletes all PodMigrations and PodCheckpoints, while there are a coordinator and agents that clear away behind them. */
import { Fault } from '../../proto/fault.ts';
import { podCheckpoints } from '../checkpoint/pod-checkpoint.ts';
import { ifThere, type Kubernetes } from '../cluster/kubernetes/client.ts';
import { Objects, type Resource } from '../resource/objects.ts';
import { podMigrations } from '../resource/pod-migration.ts';
import { listIfAny } from './look.ts';
import type { Patience } from './patience.ts';

/** @throws Fault DeadlineExceeded, with what holds those that are still there */
export async function deleteResources(
  kubernetes: Kubernetes,
  patience: Patience,
  say: (line: string) => void,
): Promise<void> {
  for (const kind of [podMigrations, podCheckpoints]) {
    const objects = new Objects<Resource>(kubernetes, kind);
    const left = await patience.until(async () => {
      const all = await listIfAny<Resource>(kubernetes, kind, patience);
      for (const { metadata } of all) {
        const { namespace, name, deletionTimestamp } = metadata;
        if (deletionTimestamp !== undefined) continue;
        await patience.ask(`deleting ${kind.kind} ${namespace}/${name}`, async (signal) =>
          ifThere(objects.delete(namespace, name, signal)),
        );
      }
      return all.map(({ metadata }) => {
        const { namespace, name, finalizers = [] } = metadata;
        return `${namespace}/${name} (${finalizers.join(', ') || 'nothing holds it'})`;
      });
    });
    if (left.length > 0) {
      throw new Fault(
        'DeadlineExceeded',
        `${left.length} ${kind.plural} are deleted, but still there, with what holds them: ` +
          `${left.slice(0, 10).join(', ')}. See the coordinator's log for why, then try again; nothing else was changed`,
      );
    }
    say(`there are no ${kind.plural} any more`);
  }
}
