/** What the checkpoints of a cluster have to do with. */
import type { Logger } from 'pino';
import type { Agents } from '../agents/agents.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Kubernetes } from '../cluster/kubernetes/client.ts';
import type { Queue } from '../migration/queue.ts';
import type { Patience } from '../migration/patience.ts';
import type { Active } from './active.ts';

export interface World {
  kubernetes: Kubernetes;
  cluster: Cluster;
  agents: Agents;
  queue: Queue;
  patience: Patience;
  active: Active;
  log: Logger;
}
