/** The names that there are in a cluster, for whoever begins to type one. */
import { CoreV1Api } from '@kubernetes/client-node';
import { bounded } from '../../cluster/kubernetes/client.ts';
import { readKubeconfig } from '../way/kubeconfig.ts';
import { connect, namespaceFor, type WayFlags } from '../way/way.ts';

/** Nobody reads through more. */
const limit = 500;

export type NameOf = 'pod' | 'node' | 'namespace' | 'context' | 'checkpoint' | 'migration' | 'runningMigration';

export interface Named {
  name: string;
  description?: string;
}

/** @throws whatever is in the way */
export async function namesOf(kind: NameOf, flags: WayFlags, signal: AbortSignal): Promise<Named[]> {
  const namespace = namespaceFor(flags);
  switch (kind) {
    case 'context': {
      const { context: _typed, ...others } = flags;
      return readKubeconfig(others).contexts.map(({ name, cluster }) => named(name, cluster));
    }
    case 'pod': {
      const { items } = await core(flags).listNamespacedPod({ namespace, limit }, bounded(signal));
      const running = items.filter(({ status }) => status?.phase === 'Running');
      return running.map(({ metadata, spec }) => named(metadata?.name, `on ${spec?.nodeName}`));
    }
    case 'node': {
      const { items } = await core(flags).listNode({ limit }, bounded(signal));
      return items.map(({ metadata, spec }) => named(metadata?.name, spec?.unschedulable === true ? 'cordoned' : ''));
    }
    case 'namespace': {
      const { items } = await core(flags).listNamespace({ limit }, bounded(signal));
      return items.map(({ metadata }) => named(metadata?.name));
    }
    case 'checkpoint': {
      const { checkpoints } = await asked(flags, async (c) => await c.call('ListCheckpoints', { namespace }));
      return checkpoints.map(({ name, pod, ready }) => named(name, `of ${pod?.name}${ready ? '' : ', not ready'}`));
    }
    case 'migration':
    case 'runningMigration': {
      const running_only = kind === 'runningMigration';
      const { migrations } = await asked(flags, async (c) => await c.call('List', { running_only }));
      return migrations.map(({ id, plan, phase }) => named(id, `${plan?.pod?.namespace}/${plan?.pod?.name} ${phase}`));
    }
  }
}

function named(name = '', description = ''): Named {
  return description === '' ? { name } : { name, description };
}

function core(flags: WayFlags): CoreV1Api {
  return readKubeconfig(flags).makeApiClient(CoreV1Api);
}

async function asked<T>(flags: WayFlags, ask: (connection: ReturnType<typeof connect>) => Promise<T>): Promise<T> {
  const connection = connect(flags, () => {});
  try {
    return await ask(connection);
  } finally {
    await connection.close();
  }
}
